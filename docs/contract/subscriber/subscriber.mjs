// The same hub in JavaScript: npm install mqtt; node subscriber.mjs [URL [FILE]]
import fs from 'node:fs'
import { randomBytes } from 'node:crypto'
import mqtt from 'mqtt'

const [url = 'mqtt://localhost:1883', file = 'heard.jsonl'] = process.argv.slice(2)
const root = 'patrol/v1'
const kept = fs.openSync(file, 'a+')
const have = new Map() // `unit#sequence` to id: units repeat what they have no acknowledgement of
for (const line of fs.readFileSync(file, 'utf8').split('\n').filter(Boolean)) {
  const { source, sequence, id } = JSON.parse(line)
  have.set(`${source}#${sequence}`, id)
}

function uuid7() {
  const hex = Date.now().toString(16).padStart(12, '0') + '7' + randomBytes(10).toString('hex')
  return hex.slice(0, 16).concat('8', hex.slice(17, 32)).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}
let session
const state = (word) => JSON.stringify({ state: word, hub: 'hub-js', session, time: new Date().toISOString() })

// A new session at each connection tells units to send again what no hub has acknowledged.
function newWill() {
  session = uuid7()
  return { topic: `${root}/hub/state`, payload: state('offline'), qos: 1, retain: true }
}
const hub = mqtt.connect(url, { protocolVersion: 5, will: newWill() })
hub.on('reconnect', () => { hub.options.will = newWill() })
hub.on('connect', async () => {
  const leaves = ['status', 'state', 'position', 'health', 'event', 'reply']
  await hub.subscribeAsync(leaves.map((leaf) => `${root}/+/${leaf}`), { qos: 1 })
  hub.publish(`${root}/hub/state`, state('online'), { qos: 1, retain: true })
})
hub.on('message', (topic, payload, packet) => {
  let message
  try { message = JSON.parse(payload) } catch { return }
  if (packet.retain || typeof message?.id !== 'string') return
  const key = `${message.source}#${message.sequence}`
  if (message.sequence === undefined || have.get(key) !== message.id) {
    console.log(JSON.stringify(message))
    if (message.sequence === undefined) return // a status: neither numbered nor acknowledged
    fs.writeSync(kept, JSON.stringify(message) + '\n')
    fs.fsyncSync(kept)
    have.set(key, message.id)
  }
  hub.publish(topic.replace(/[^/]+$/, 'ack'), JSON.stringify({ ids: [message.id] }), { qos: 1 })
})
