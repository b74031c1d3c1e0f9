package sweep

import "ecsguardrails/shared/finding"

// Codes of sweep's findings.
const (
	CodeSwept      = "swept"
	CodeNoQueue    = "no-queue"
	CodeIncomplete = "sweep-incomplete"
	CodeRefused    = "message-refused"
)

// Codes documents them.
var Codes = []finding.Code{
	{Code: CodeSwept, Cause: "a kind of thing was listed; says how many there are", Cure: "none needed"},
	{Code: CodeNoQueue, Cause: "the queue of the function that looks after this kind is not set", Cure: "set `ATTACH_POLICIES_QUEUE_URL`, `PATCH_TASK_DEFINITION_QUEUE_URL` or `ROTATE_SECRET_QUEUE_URL`"},
	{Code: CodeIncomplete, Cause: "half of the function's time was up before everything was listed, and `SWEEP_QUEUE_URL` is not set", Cure: "send the request that the finding names; set `SWEEP_QUEUE_URL`"},
	{Code: CodeRefused, Cause: "a queue refuses a message for a reason that lies in the message or the queue", Cure: "see the queue's policy, key and type"},
}
