// Adobe's SDK for Campaign Standard, driven from outside.
//
// Reads one call a line, {"call": "createProfile", "args": [...]}, where call names a method of the
// SDK, and answers one line: {"result": {"status", "body"}} or
// {"error": {"code", "message", "status", "text"}}: code and message are what the SDK's caller sees.
'use strict'

const readline = require('readline')

// The host mc.adobe.io is fixed in the SDK's OpenAPI document. The SDK requires the same object.
const specification = require('@adobe/aio-lib-campaign-standard/spec/api.json')
for (const server of specification.servers) {
  server.url = server.url.replace('https://mc.adobe.io', process.env.STRANGER_URL)
}
// The SDK runs an error's text through a YAML parser and drops what is none: keep it as it came.
const helpers = require('@adobe/aio-lib-campaign-standard/src/helpers')
let last = {}
helpers.responseInterceptor = response => (last = response)

const { init } = require('@adobe/aio-lib-campaign-standard')

async function answer (sdk, { call, args }) {
  try {
    const { status, url, body } = await sdk[call](...args)
    return { result: { status, url, body } }
  } catch (error) {
    const { status, text } = last
    return { error: { code: error.code, message: error.message, status, text } }
  }
}

async function main () {
  const { STRANGER_ORGANISATION, STRANGER_KEY, STRANGER_TOKEN } = process.env
  const sdk = await init(STRANGER_ORGANISATION, STRANGER_KEY, STRANGER_TOKEN)
  for await (const line of readline.createInterface({ input: process.stdin })) {
    process.stdout.write(JSON.stringify(await answer(sdk, JSON.parse(line))) + '\n')
  }
}

main()
