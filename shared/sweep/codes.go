package sweep

import "github.com/ecs-guardrails/ecs-guardrails/shared/finding"

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
	CodeBucketSilent   = "bucket-events-missing"
	CodeBucketUnknown  = "bucket-events-unchecked"
	CodeBucketUnlisted = "bucket-unlistable"
	CodeLoanStays      = "loan-kept"
	CodeGrantStays     = "grant-kept"
	CodeRoleStays      = "execution-role-kept"
	CodeBucketStays    = "bucket-kept"
	CodeRotationBound  = "rotation-stack-bound"
	CodeReadyToLeave   = "leave-ready"
	CodeLeaveUnknown   = "leave-incomplete"
)

// Codes documents them.
var Codes = []finding.Code{
	{Code: CodeSwept, Severity: finding.Info, Cause: "A kind of thing was listed; says how many there are and how many are looked at.", Cure: "Nothing."},
	{Code: CodeUsesUnknown, Severity: finding.Warning, Cause: "Sweep may not see which older revisions services, rules and schedules use.", Consequence: "Older revisions that are in use may not be looked at.", Cure: "Allow the named call to sweep's role."},
	{Code: CodeNoQueue, Severity: finding.Info, Cause: "The function that looks after this kind is off, or its queue is not set.", Cure: "Nothing where it is off on purpose; otherwise set its mode, or the queue's URL."},
	{Code: CodeRefused, Severity: finding.Error, Cause: "A queue refuses a message because of its content, or because of the queue's policy, key or type.", Consequence: "The sweep doesn't know how the subject ended.", Cure: "Check the queue's policy, key and type."},
	{Code: CodeUnderway, Severity: finding.Info, Cause: "Another sweep is under way, so this one steps aside.", Cure: "Nothing; the message says until when it holds the lock."},
	{Code: CodeOver, Severity: finding.Info, Cause: "The message goes on with a sweep that is over, or that another message went on with.", Cure: "Nothing."},
	{Code: CodeTakenOver, Severity: finding.Error, Cause: "Another sweep took this one's place, because its lock had run out.", Consequence: "There is no report, or an incomplete one.", Cure: "Nothing; that one's report comes."},
	{Code: CodeIncomplete, Severity: finding.Error, Cause: "The time was up before everything was listed or had answered, and the sweep cannot go on by itself.", Consequence: "There is no report, or an incomplete one.", Cure: "Set `SWEEP_QUEUE_URL` and `REPORT_BUCKET`."},
	{Code: CodeOverLimit, Severity: finding.Warning, Cause: "The sweep would change more subjects than it may without approval, so it changed none.", Consequence: "Nothing is changed until you allow it.", Cure: "Read the report; then allow the changes with the command in the message, or raise `SweepChangeLimit`."},
	{Code: CodeNoReport, Severity: finding.Error, Cause: "`REPORT_BUCKET` or `SWEEP_RESULTS_QUEUE_URL` is not set, so nothing waits for what the others find.", Consequence: "There is no report, or an incomplete one.", Cure: "Nothing for a look from a shell; otherwise deploy the stack again."},
	{Code: CodeReported, Severity: finding.Info, Cause: "The report of a sweep; says how many subjects are not as they should be, and where it is.", Cure: "Nothing."},
	{Code: CodeNoAnswer, Severity: finding.Error, Cause: "A subject was handed over, and its function did not answer in time.", Consequence: "The sweep doesn't know how the subject ended.", Cure: "Look into the function's log and dead-letter queue, and whether its mode is off."},
	{Code: CodeNoTrail, Severity: finding.Error, Cause: "No trail logs what changes in this region, so that EventBridge gets no event of it.", Consequence: "No function wakes on changes. Only sweeps find what is wrong.", Cure: "Create a multi-region trail of management events, and have it log."},
	{Code: CodeTrailUnknown, Severity: finding.Info, Cause: "Sweep may not see whether a trail logs, as of one that belongs to another account.", Cure: "Ask the trail's owner whether it logs write events of management."},
	{Code: CodeIAMElsewhere, Severity: finding.Warning, Cause: "IAM's events exist in one region of the partition only, and the stack is in another.", Consequence: "New roles are looked at only by the next sweep.", Cure: "Deploy it there as well, or make a rule there that forwards the events to this region's default event bus."},
	{Code: CodeBucketSilent, Severity: finding.Error, Cause: "A config bucket reports no uploads, so only sweeps look at its files.", Consequence: "New uploads are judged only by the next sweep.", Cure: "Turn on Amazon EventBridge notifications for the bucket; of the stack's own bucket, deploy the stack again."},
	{Code: CodeBucketUnlisted, Severity: finding.Error, Cause: "A config bucket cannot be listed, so that its files are not looked at.", Consequence: "After the rotation, instances that boot with this file can't pull.", Cure: "See whether it exists in this region; allow `s3:ListBucket` to sweep's role, also in the bucket's policy."},
	{Code: CodeBucketUnknown, Severity: finding.Warning, Cause: "Sweep may not see whether a config bucket reports uploads.", Consequence: "New uploads are judged only by the next sweep.", Cure: "Allow `s3:GetBucketNotification` to sweep's role, also in the bucket's policy."},
	{Code: CodeLoanStays, Severity: finding.Info, Cause: "The stack attached a policy to a role. The policy stays attached when the stack is deleted.", Cure: "Name the policy in the role's own source, or detach it before the role is deleted."},
	{Code: CodeGrantStays, Severity: finding.Info, Cause: "A secret's resource policy lets an execution role read it. That stays when the stack is deleted.", Cure: "Nothing; delete the resource policy where no task needs it."},
	{Code: CodeRoleStays, Severity: finding.Info, Cause: "A task definition has the stack's execution role, which stays when the stack is deleted.", Cure: "Name an execution role of your own in the next revision."},
	{Code: CodeBucketStays, Severity: finding.Info, Cause: "The config bucket has files, and stays when the stack is deleted.", Cure: "Move the files and change the user data before you delete the bucket."},
	{Code: CodeRotationBound, Severity: finding.Error, Cause: "A secret rotates by the stack's function, which goes with the stack.", Consequence: "Each rotation fails once the stack is deleted.", Cure: "Nothing in `enforce`: leaving turns the rotation off, and the credential goes on working."},
	{Code: CodeReadyToLeave, Severity: finding.Info, Cause: "Nothing breaks when the stack is deleted.", Cure: "Run `sam delete`."},
	{Code: CodeLeaveUnknown, Severity: finding.Error, Cause: "Leaving could not list everything that may depend on the stack, or a rotation is under way.", Consequence: "Something may break when the stack is deleted.", Cure: "Do what the message says, and ask again."},
}
