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
 * @typedef {object} HealingRecord
 * @property {string} id
 * @property {string} at ISO 8601, when the failure was seen
 * @property {{service?: string, node?: string}} target
 * @property {string} failure
 * @property {string} action
 * @property {number} attempt
 * @property {boolean} success
 * @property {{before: string, after: string}} observed
 * @property {number} duration ms
 * @property {string} reason
 *
 * @typedef {{name: string, node: string, incarnation: number, event: string}} ServiceEvent
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
