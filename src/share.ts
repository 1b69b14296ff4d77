/** Entry `rivulet/share`: one connection per stream for all tabs of a browser. */
export type { Clock } from './base/clock.ts'
export type { Connect } from './connect/connect.ts'
export type { ShareChannel } from './share/message.ts'
export { type ShareOptions, type ShareRole, type ShareState, shareAcrossTabs } from './share/share-across-tabs.ts'
