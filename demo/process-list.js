/** The two processes: what each does for this page, and the buttons that kill them. */
import { BRIEFLY_MS, findParts, onPress, setEnabled, setNotice } from './parts.js'
import { describeError } from './wording.js'

const states = { starting: ['starting', 'connecting'], running: ['running', 'open'], killed: ['killed', 'waiting'] }

/** Turns `root` into the list of processes, of which each is drawn with `template`; the buttons are in `bar`. */
export function createProcessList(root, bar, template, client) {
  const { list } = findParts(root)
  const { notice, killServing, killGenerating } = findParts(bar)
  let processes = []
  /** Numbers of the processes that serve this page, by stream. */
  const serving = { feed: undefined, answer: undefined }
  let runId

  const servingNumber = () => serving.answer ?? serving.feed
  const generatingNumber = () => processes.find(({ runs }) => runs.includes(runId))?.number

  const drawProcess = ({ number, pid, state }) => {
    const fragment = template.content.cloneNode(true)
    const parts = findParts(fragment)
    const [label, status] = states[state]
    fragment.firstElementChild.dataset.state = state
    parts.name.textContent = `Process ${number}`
    parts.state.textContent = label
    parts.state.dataset.status = status
    parts.pid.textContent = `PID ${pid}`
    const isServing = state === 'running' && Object.values(serving).includes(number)
    const work = [isServing && 'serves this page', generatingNumber() === number && 'generates the answer']
    parts.work.textContent = work.filter(Boolean).join('\n')
    return fragment
  }
  const draw = () => {
    list.replaceChildren(...processes.map(drawProcess))
    const isRunning = (number) => processes.some((one) => one.number === number && one.state === 'running')
    setEnabled(killServing, isRunning(servingNumber()))
    setEnabled(killGenerating, isRunning(generatingNumber()))
  }
  const update = (next) => {
    const returned = next.find(
      ({ number, state }) =>
        state === 'running' && processes.some((one) => one.number === number && one.state !== state),
    )
    processes = next
    if (returned)
      setNotice(notice, `Process ${returned.number} is running again, as a new process.`, 'calm', BRIEFLY_MS)
    draw()
  }
  const kill = async (number) => {
    const generates = number === generatingNumber()
    const response = await fetch(`/processes/${number}`, { method: 'DELETE' })
    if (!response.ok) return setNotice(notice, `Process ${number} was not running any more.`, 'gap', BRIEFLY_MS)
    const consequence = generates
      ? 'It generated the answer: once its lease of four seconds has expired, the log ends the answer with an error.'
      : 'Its connections broke; the other process continues them.'
    setNotice(notice, `Process ${number} was killed. ${consequence}`, 'gap')
  }
  onPress(killServing, () => void kill(servingNumber()))
  onPress(killGenerating, () => void kill(generatingNumber()))

  const feed = client.subscribe('/processes/roster', {
    onError: (error) =>
      setNotice(
        notice,
        `The processes cannot be reached: start the demo with “npm start”. ${describeError(error)}`,
        'bad',
      ),
  })
  // The feed begins with a snapshot.
  feed.on('reset', ({ data }) => update(data.snapshot))
  feed.on('roster', ({ data }) => update(data))

  return {
    /** Number of the process that serves the feed. */
    get feedNumber() {
      return serving.feed
    },
    /** Sets which process serves the `feed` or the `answer`; `undefined` for none. */
    setServing(stream, number) {
      serving[stream] = number
      draw()
    },
    /** Sets the run whose generator is shown. */
    setRun(id) {
      runId = id
      draw()
    },
  }
}
