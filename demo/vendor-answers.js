/** What the model answers, and the tool that it calls. */

const umbrella = {
  prompt: 'Do I need an umbrella in Oslo?',
  reasoning:
    'An umbrella depends on the rain. I do not know the weather of this hour, but there is a tool that knows it, so I should call it.',
  text: 'That depends on the next few hours, which I cannot know by myself. Let me look at the weather in Oslo first. If it is going to rain there, take the umbrella; if it is going to blow as well, take a coat.',
  city: 'Oslo',
}
const arabic = {
  prompt: 'هل أحتاج إلى مظلة في دبي؟',
  reasoning:
    'الحاجة إلى المظلة تتوقف على المطر. لا أعرف حالة الطقس في هذه الساعة، لكن هناك أداة تعرفها، ولذلك يجب أن أستعملها الآن.',
  text: 'هذا يتوقف على الساعات القادمة، ولا أستطيع أن أعرفها بنفسي. سأنظر أولا إلى حالة الطقس في دبي. إذا كان المطر متوقعا فخذ المظلة معك، وإذا كانت الشمس قوية فخذ معك قبعة وماء.',
  city: 'دبي',
}
const markup = {
  prompt: 'Answer with <b>markup</b>, please.',
  reasoning:
    'The answer should contain tags. A page that inserted them as <em>HTML</em> would run a script of mine, so this is a test of the page.',
  text: 'Here is some: <b>bold</b>, <a href="javascript:alert(1)">a link</a>, <img src="x" onerror="alert(1)"> and <script>alert(1)</script>. The page shows all of it as the text that it is. No tag takes effect, and no script runs. The call of the tool has one, too.',
  city: '<i>Oslo</i>',
}

/** The prompts that the page suggests. */
export const samplePrompts = [umbrella, arabic, markup].map(({ prompt }) => prompt)

/** Returns the answer to a prompt, as blocks for the mock server: reasoning, text, and a tool call. */
export function answerTo(prompt) {
  const { reasoning, text, city } = [umbrella, arabic, markup].find((one) => one.prompt === prompt) ?? {
    ...umbrella,
    text: `You asked: ${prompt}\n\nI have no answer of my own, but I can look at the weather. ${umbrella.text}`,
  }
  return [{ reasoning }, { text }, { tool: 'weather', id: 'call_1', input: { city, hours: 6, unit: 'celsius' } }]
}

/** The numbers of tokens that every vendor reports, in its own fields. */
export const usage = { inputTokens: 24, outputTokens: 96, reasoningTokens: 31 }

/** The tools that the model may call. They run in the page, with the arguments of the call. */
export const tools = {
  weather: ({ city, hours }) => ({ city, hours, sky: 'rain', temperature: 11 }),
}
