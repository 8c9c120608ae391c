/**
 * What the orchestrator's API sends. Nothing here runs.
 *
 * @typedef {"waiting"|"starting"|"healthy"|"degraded"|"unhealthy"|"timeout"|"quarantined"|"stopped"} ServiceStatus
 *
 * @typedef {object} NodeView
 * @property {string} id
 * @property {string} organ
 * @property {number} pid 0 while there is no process
 * @property {string} host
 * @property {"starting"|"up"|"hung"|"down"|"stopping"} status
 * @property {number} incarnation
 * @property {number} cpu %
 * @property {number} memory bytes; 0 before the first vitals
 * @property {number} loopDelayP99 ms
 * @property {number} uptime s
 * @property {string} [why]
 *
 * @typedef {object} OrganismStatus
 * @property {"launching"|"healthy"|"degraded"|"critical"} status
 * @property {string} why
 * @property {number} uptime s
 * @property {number} epoch
 * @property {{phase: number, started: number, total: number, done: boolean}} launch
 * @property {Record<ServiceStatus|"total", number>} services
 * @property {NodeView[]} nodes
 * @property {Breaker[]} [breakers] those that are not closed
 *
 * @typedef {object} Breaker
 * @property {string} caller service, or node where no service calls
 * @property {string} callee service, or the one action of it that fails
 * @property {string} node of the instance that is called
 * @property {"open"|"half-open"} state
 * @property {number} failures in a row
 * @property {number} since ms since the epoch
 * @property {string} reason
 *
 * @typedef {object} ServiceMetadata
 * @property {string} name
 * @property {string[]} dependencies
 * @property {string[]} softDependencies
 * @property {string} priority
 * @property {number} launchPhase
 * @property {string[]} capabilities
 * @property {string} organ
 * @property {string} description
 *
 * @typedef {object} ServiceMetrics
 * @property {number} requestCount
 * @property {number} errorCount
 * @property {number} avgResponseTime ms
 * @property {number} p95ResponseTime ms
 * @property {number} uptimePercentage
 *
 * @typedef {{node: string, pid: number, incarnation: number, status: ServiceStatus}} Instance
 *
 * @typedef {object} ServiceRecord
 * @property {ServiceMetadata} metadata
 * @property {ServiceStatus} status
 * @property {Instance[]} instances
 * @property {number} restartAttempts
 * @property {number} restarts
 * @property {ServiceMetrics} metrics
 *
 * @typedef {{at: string, status: string, responseTime: number, uptime: number, checks: Record<string, unknown>}} HealthAnswer
 * @typedef {ServiceRecord & {why: string, healthHistory: HealthAnswer[]}} ServiceDetails
 *
 * @typedef {object} Dependencies
 * @property {string[]} nodes
 * @property {{from: string, to: string, kind: "hard"|"soft"}[]} edges `from` needs `to`
 * @property {string[][]} order the names of each launch step
 *
 * @typedef {{service?: string, node?: string}} HealingTarget
 * @typedef {{chosen: string, why: string, alternatives: {action: string, why: string}[]}} HealingDecision
 *
 * @typedef {object} HealingRecord
 * @property {string} id
 * @property {string} at ISO 8601, when the failure was seen
 * @property {HealingTarget} target
 * @property {string} failure
 * @property {string} action
 * @property {number} attempt
 * @property {boolean} success
 * @property {{before: string, after: string}} observed
 * @property {number} duration ms
 * @property {string} reason
 * @property {string} [case] the failure that this act is about; several acts share it
 * @property {string[]} [evidence]
 * @property {HealingDecision} [decision]
 * @property {"ladder"|"healer"|"operator"} [by]
 * @property {number} [lost] calls that failed meanwhile
 *
 * @typedef {object} Forecast
 * @property {string} failure
 * @property {HealingTarget} target
 * @property {"warning"|"failure"} severity `warning`: it is named before it breaks
 * @property {string[]} evidence
 * @property {number} [secondsLeft]
 *
 * @typedef {object} Forecasts
 * @property {string} predictive whether the healer acts before it breaks
 * @property {Forecast[]} warnings
 * @property {Forecast[]} failures
 *
 * @typedef {{name: string, text: string, paragraphs: string[], cases: string[]}} Story the oldest paragraph first
 *
 * @typedef {{name: string, node: string, incarnation: number, event: string}} ServiceEvent
 *
 * @typedef {object} ChainBlock
 * @property {number} height
 * @property {string} hash hex
 * @property {string} timestamp ISO 8601
 * @property {number} lastIndex index of its last entry
 *
 * @typedef {object} ChainStats
 * @property {number} entries
 * @property {number} checkpointed entries that are signed
 * @property {number} witnessed entries that a witness has confirmed
 * @property {number} checkpointLag ms that the oldest entry without a signature waits
 * @property {{name: string}[]} witnesses
 * @property {{code: string, why: string}[]} alarms
 *
 * @typedef {{calls: number, events: number, entries: number}} Amount
 * @typedef {{matched: Amount, missing: Amount, extra: Amount, declared: Amount}} Accounted
 *
 * @typedef {{p50: number, p95: number, p99: number, mean: number}} Latency ms
 * @typedef {object} ServicePerformance
 * @property {string} service
 * @property {number} calls in the last minute
 * @property {number} errorRate 0 to 1
 * @property {number} throughput calls a second
 * @property {Latency} latency
 * @property {{own: number, waiting: {service: string, time: number}[], queueing: number, database: number, gc: number}} time ms a call
 * @property {number} refused
 * @property {"rising"|"steady"|"falling"} trend
 *
 * @typedef {object} PerformanceMetrics
 * @property {ServicePerformance[]} services
 * @property {{calls: number, throughput: number, errorRate: number, refused: number, latency: Latency, cacheHitRatio: number|null}} organism
 *
 * @typedef {object} ServiceAnalysis
 * @property {string} service
 * @property {{at: string, metric: string, before: number, after: number, confidence: number}[]} regressions ms
 * @property {{kind: string, what: string, why: string, expectedGain: number}|null} nextStep
 *
 * @typedef {{id: string, service: string, kind: string, what: string, expectedGain: number, applicable: boolean}} QueryAdvice
 *
 * @typedef {object} HarmonyCost
 * @property {"health"|"balance"|"flow"} part
 * @property {string} system
 * @property {string} metric
 * @property {number} cost points
 * @property {string} why
 *
 * @typedef {object} HarmonyUpdate once a second
 * @property {string} at ISO 8601
 * @property {number} score 0 to 100
 * @property {number} confidence 0 to 1
 * @property {number} health 0 to 100
 * @property {number} balance 0 to 100
 * @property {number} flow 0 to 100
 * @property {{system: string, present: boolean, health: number, confidence: number, load: number|null}[]} systems
 * @property {HarmonyCost[]} costs the three greatest
 * @property {string[]} firing ids of the rules that are active
 *
 * @typedef {{system: string, metric: string, gain: number, how: string}} HarmonyBest
 *
 * @typedef {object} RuleEffect
 * @property {string} metric
 * @property {number|null} before
 * @property {number|null} after
 * @property {"watching"|"better"|"no change"|"worse"|"unknown"} verdict
 * @property {boolean} rolledBack
 *
 * @typedef {object} RuleExecution
 * @property {string} rule id
 * @property {string} at ISO 8601
 * @property {"shadow"|"on"} mode
 * @property {{type: string, target: string, status: string, what: string, effect?: RuleEffect}[]} actions
 *
 * @typedef {object} Alert
 * @property {string} id
 * @property {string} alert
 * @property {string} subject
 * @property {"info"|"warning"|"critical"} severity
 * @property {"pending"|"firing"|"resolved"} state
 * @property {string} summary
 * @property {string} startedAt ISO 8601
 * @property {string|null} firedAt
 * @property {string|null} unknownSince
 * @property {{by: string, at: string, comment: string}|null} acknowledged
 * @property {string|null} silenced
 *
 * @typedef {object} LogLine
 * @property {string} time ISO 8601; empty where the line is no record
 * @property {string} level
 * @property {string} node
 * @property {string} source
 * @property {string} message
 * @property {string} [requestId]
 * @property {Record<string, unknown>} [fields]
 */
export {};
