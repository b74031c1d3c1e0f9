package sweep

import "ecsguardrails/shared/finding"

// Codes of sweep's findings.
const (
	CodeUsesUnknown    = "uses-unchecked"
	CodeSwept          = "kind-swept"
	CodeNoQueue        = "queue-missing"
	CodeRefused        = "message-refused"
	CodeUnderway       = "sweep-underway"
	CodeOver           = "sweep-ended"
	CodeTakenOver      = "sweep-taken-over"
	CodeOverLimit      = "sweep-over-limit"
	CodeIncomplete     = "sweep-incomplete"
	CodeNoReport       = "report-not-configured"
	CodeReported       = "sweep-reported"
	CodeNoAnswer       = "answer-missing"
	CodeNoTrail        = "trail-missing"
	CodeTrailUnknown   = "trail-unchecked"
	CodeIAMElsewhere   = "iam-events-elsewhere"
	CodeIAMOff         = "iam-events-off"
	CodeNotForwarded   = "iam-events-not-forwarded"
	CodeBucketSilent   = "bucket-events-missing"
	CodeBucketUnknown  = "bucket-events-unchecked"
	CodeBucketUnlisted = "bucket-unlistable"
)

// Codes documents them.
var Codes = []finding.Code{
	{Code: CodeSwept, Cause: "a kind of thing was listed; says how many there are and how many are looked at", Cure: "none needed"},
	{Code: CodeUsesUnknown, Cause: "sweep may not see which older revisions services, rules and schedules use", Cure: "allow the named call to sweep's role"},
	{Code: CodeNoQueue, Cause: "the function that looks after this kind is off, or its queue is not set", Cure: "none needed where it is off on purpose; otherwise set its mode, or the queue's URL"},
	{Code: CodeRefused, Cause: "a queue refuses a message for a reason that lies in the message or the queue", Cure: "see the queue's policy, key and type"},
	{Code: CodeUnderway, Cause: "another sweep is under way, so this one steps aside", Cure: "none needed; the message says until when it holds the lock"},
	{Code: CodeOver, Cause: "the message goes on with a sweep that is over, or that another message went on with", Cure: "none needed"},
	{Code: CodeTakenOver, Cause: "another sweep took this one's place, because its lock had run out", Cure: "none needed; that one's report comes"},
	{Code: CodeIncomplete, Cause: "the time was up before everything was listed or had answered, and the sweep cannot go on by itself", Cure: "set `SWEEP_QUEUE_URL` and `REPORT_BUCKET`"},
	{Code: CodeOverLimit, Cause: "the sweep would change more subjects than `SweepChangeLimit` allows, so it changed none", Cure: "read the report; then allow the changes with the command in the message, or raise `SweepChangeLimit`"},
	{Code: CodeNoReport, Cause: "`REPORT_BUCKET` or `SWEEP_RESULTS_QUEUE_URL` is not set, so that nobody waits for what the others find", Cure: "none needed for a look from a shell; otherwise deploy the stack again"},
	{Code: CodeReported, Cause: "the report of a sweep; says how many subjects are not as they should be, and where it is", Cure: "none needed"},
	{Code: CodeNoAnswer, Cause: "a subject was handed over, and its function did not tell what became of it in time", Cure: "look into the function's log and dead-letter queue, and whether its mode is off"},
	{Code: CodeNoTrail, Cause: "no trail logs what changes in this region, so that EventBridge gets no event of it", Cure: "create a multi-region trail of management events, and have it log"},
	{Code: CodeTrailUnknown, Cause: "sweep may not see whether a trail logs, as of one that belongs to another account", Cure: "ask the trail's owner whether it logs write events of management"},
	{Code: CodeIAMElsewhere, Cause: "IAM's events exist in one region of the partition only, and the stack is in another", Cure: "deploy it there as well, or forward the events and set `IamEvents=always`"},
	{Code: CodeIAMOff, Cause: "the stack does not listen for IAM's events, by `IamEvents=never`", Cure: "none needed where that is meant; roles are then looked at by sweeps alone"},
	{Code: CodeNotForwarded, Cause: "the stack listens for IAM's events in a region that has none, and no rule forwards them", Cure: "make a rule there whose target is this region's default event bus"},
	{Code: CodeBucketSilent, Cause: "a config bucket tells nobody of uploads, so that files are looked at by sweeps alone", Cure: "turn on Amazon EventBridge notifications for the bucket; of the stack's own bucket, deploy the stack again"},
	{Code: CodeBucketUnlisted, Cause: "a config bucket cannot be listed, so that its files are not looked at", Cure: "see whether it exists in this region; allow `s3:ListBucket` to sweep's role, also in the bucket's policy"},
	{Code: CodeBucketUnknown, Cause: "sweep may not see whether a config bucket tells of uploads", Cure: "allow `s3:GetBucketNotification` to sweep's role, also in the bucket's policy"},
}
