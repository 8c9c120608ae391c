/**
 * Lua that Redis runs as one step. A value is `<born>|<stamp>|<numbers>|<data>`. Beside all values stands one hash, the
 * fence: `born`, made up when the hash is; `seq`, counted up; and for each number of a group the `seq` of its last
 * invalidation. A value holds while `born` is the same and none of its numbers was invalidated after its stamp.
 *
 * It fails on the safe side: a fence that was evicted or expired is made anew with another `born`, and no value holds.
 */
export const FENCE_MS = 8 * 86_400_000;
/** No value is kept longer, so that none outlives its fence. */
export const LONGEST_MS = 7 * 86_400_000;

const BORN = `
local born = redis.call('HGET', KEYS[1], 'born')
if not born then
  born = ARGV[1]
  redis.call('DEL', KEYS[1])
  redis.call('HSET', KEYS[1], 'born', born, 'seq', '0')
  redis.call('PEXPIRE', KEYS[1], ${FENCE_MS})
end`;

const HOLDS = `
local function holds(numbers, stamp)
  if #numbers == 0 then return true end
  for _, at in ipairs(redis.call('HMGET', KEYS[1], unpack(numbers))) do
    if at and tonumber(at) > stamp then return false end
  end
  return true
end`;

/**
 * KEYS: fence, value, lock. ARGV: a new `born`, ms of the lock or 0, the lock's token.
 * A load that begins now gets a stamp: what it gives may be written while nothing of it has been invalidated since.
 */
const READ = `${BORN}${HOLDS}
local value = redis.call('GET', KEYS[2])
if value then
  local from, stamp, list, data = string.match(value, '^(%w+)|(%d+)|([%d,]*)|()')
  if from == born then
    local numbers = {}
    for number in string.gmatch(list, '%d+') do numbers[#numbers + 1] = number end
    if holds(numbers, tonumber(stamp)) then
      return {1, string.sub(value, data), redis.call('PTTL', KEYS[2])}
    end
  end
end
local locked = 0
if tonumber(ARGV[2]) > 0 and redis.call('SET', KEYS[3], ARGV[3], 'NX', 'PX', ARGV[2]) then locked = 1 end
return {0, born, redis.call('HINCRBY', KEYS[1], 'seq', 1), locked}`;

/** KEYS: fence, value, lock. ARGV: born, stamp, ms, data, the lock's token or '', numbers. */
const WRITE = `${HOLDS}
if ARGV[5] ~= '' and redis.call('GET', KEYS[3]) == ARGV[5] then redis.call('DEL', KEYS[3]) end
if redis.call('HGET', KEYS[1], 'born') ~= ARGV[1] then return 0 end
local numbers = {unpack(ARGV, 6)}
local stamp = tonumber(ARGV[2])
if not holds(numbers, stamp) then return 0 end
local from, before = string.match(redis.call('GETRANGE', KEYS[2], 0, 80), '^(%w+)|(%d+)|')
if from == ARGV[1] and tonumber(before) > stamp then return 0 end
redis.call('SET', KEYS[2], ARGV[1] .. '|' .. ARGV[2] .. '|' .. table.concat(numbers, ',') .. '|' .. ARGV[4], 'PX', ARGV[3])
redis.call('PEXPIRE', KEYS[1], ${FENCE_MS})
return 1`;

/** KEYS: fence. ARGV: a new `born`, numbers. */
const BUMP = `${BORN}
local seq = redis.call('HINCRBY', KEYS[1], 'seq', 1)
for i = 2, #ARGV do redis.call('HSET', KEYS[1], ARGV[i], seq) end
redis.call('PEXPIRE', KEYS[1], ${FENCE_MS})
return {born, seq}`;

/** KEYS: lock. ARGV: its token. */
const UNLOCK = `
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0`;

/** As `scripts` of ioredis' options: a duplicate of the client has them, too. */
export const SCRIPTS = {
  azoraRead: { lua: READ, numberOfKeys: 3 },
  azoraWrite: { lua: WRITE, numberOfKeys: 3 },
  azoraBump: { lua: BUMP, numberOfKeys: 1 },
  azoraUnlock: { lua: UNLOCK, numberOfKeys: 1 },
} as const;
