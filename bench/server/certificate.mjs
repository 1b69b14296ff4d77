/** A self-signed certificate for 127.0.0.1, because browsers use HTTP/2 over TLS only. */
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto'

/** Encodes a value in DER (X.690): tag, length, content. */
function der(tag, ...parts) {
  const content = Buffer.concat(parts)
  const { length } = content
  const head = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255]
  return Buffer.concat([Buffer.from([tag, ...head]), content])
}
const sequence = (...parts) => der(0x30, ...parts)
const set = (...parts) => der(0x31, ...parts)
const oid = (...bytes) => der(0x06, Buffer.from(bytes))
const bitString = (bytes) => der(0x03, Buffer.from([0]), bytes)
const time = (date) => der(0x17, Buffer.from(`${date.toISOString().replace(/[-:T]/g, '').slice(2, 14)}Z`))

const ecdsaWithSha256 = sequence(oid(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02))
const name = sequence(set(sequence(oid(0x55, 0x04, 0x03), der(0x0c, Buffer.from('rivulet bench')))))

/** Creates a certificate valid for a day: `{ key, cert }` as accepted by `node:tls`. */
export function createCertificate() {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const now = Date.now()
  const alternatives = sequence(der(0x87, Buffer.from([127, 0, 0, 1])), der(0x82, Buffer.from('localhost')))
  const serial = randomBytes(8)
  serial[0] = 1 // positive, without a leading zero
  const toSign = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, serial),
    ecdsaWithSha256,
    name,
    sequence(time(new Date(now - 60_000)), time(new Date(now + 86_400_000))),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(sequence(oid(0x55, 0x1d, 0x11), der(0x04, alternatives)))),
  )
  const certificate = sequence(toSign, ecdsaWithSha256, bitString(sign('sha256', toSign, privateKey)))
  const cert = `-----BEGIN CERTIFICATE-----\n${certificate
    .toString('base64')
    .match(/.{1,64}/g)
    .join('\n')}\n-----END CERTIFICATE-----\n`
  return { cert, key: privateKey.export({ type: 'pkcs8', format: 'pem' }) }
}
