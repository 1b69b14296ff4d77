/** Starts the page “Vendors”. */
import { startVendorChat } from './vendor-chat.js'
import { startVendorComparison } from './vendor-comparison.js'

const chat = startVendorChat(document.getElementById('chat'))
startVendorComparison(document.getElementById('comparison'), document.getElementById('lane'), chat)
