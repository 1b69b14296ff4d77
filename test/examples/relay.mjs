/** Loaded before an example that is a cluster: passes messages between the test and the workers. */
import cluster from 'node:cluster'

if (cluster.isPrimary) {
  cluster.on('message', (_worker, message) => process.send(message))
  process.on('message', (message) => {
    for (const worker of Object.values(cluster.workers)) if (worker.isConnected()) worker.send(message)
  })
}
