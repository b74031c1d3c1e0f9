package sweep

import "github.com/ecs-guardrails/ecs-guardrails/shared/finding"

// What sweep's findings say.
var (
	sweptDefinitions = finding.Template{Code: CodeSwept, Severity: finding.Info,
		Message: "Listed {count}: the latest revision of each family, and older ones that are in use."}
	sweptSecrets = finding.Template{Code: CodeSwept, Severity: finding.Info,
		Message: "Listed {count} with the tag {tag} that rotate in this Region."}
	sweptObjects = finding.Template{Code: CodeSwept, Severity: finding.Info,
		Message: "Listed {count} in the config buckets, {files} among them."}
	sweptRoles = finding.Template{Code: CodeSwept, Severity: finding.Info,
		Message: "Listed {count}, {ours} among them: {fine}, {left}."}
	usesUnknown = finding.Template{Code: CodeUsesUnknown, Severity: finding.Warning,
		Message: "Older revisions that are in use may be missing from the sweep: {why}. The latest revision of each family is checked.",
		Fix:     "Allow sweep's role the named call, or find the policy that denies it."}
	noQueue = finding.Template{Code: CodeNoQueue, Severity: finding.Info,
		Message: "Nothing checks these subjects, because {function} is off or {variable} isn't set."}
	messageRefused = finding.Template{Code: CodeRefused, Severity: finding.Error,
		Message: "The queue {queue} refuses a message: {answer}.",
		Fix:     "Check the queue's policy, key and type. It must be a standard queue that sweep's role may send to."}
	refusalExplained = finding.Template{Code: CodeRefused, Severity: finding.Info,
		Message: "SQS says {reason}."}

	justBegun = finding.Template{Code: CodeUnderway, Severity: finding.Info,
		Message: "Another sweep has just begun, so this one stops here."}
	stillRunning = finding.Template{Code: CodeUnderway, Severity: finding.Info,
		Message: "The sweep {id} is still running, so this one stops here. It started at {started} and holds the lock until {expires}, or longer if it continues."}
	alreadyOver = finding.Template{Code: CodeOver, Severity: finding.Info,
		Message: "The sweep {id} has ended, or another message has continued it."}
	takenOver = finding.Template{Code: CodeTakenOver, Severity: finding.Error,
		Message: "Another sweep replaced {id}, whose lock had run out.",
		Fix:     "Wait for the report of the other sweep."}

	wouldChange = finding.Template{Code: CodeOverLimit, Severity: finding.Warning,
		Message: "The sweep would change {subjects}, more than the {limit} that it may without approval, so it changed none.",
		Fix:     allowChanges}
	mightChange = finding.Template{Code: CodeOverLimit, Severity: finding.Warning,
		Message: "The sweep might change {subjects}, more than the {limit} that it may without approval, so it changed none.",
		Fix:     allowChanges}

	tooManyInvocations = finding.Template{Code: CodeIncomplete, Severity: finding.Error,
		Message: "The sweep didn't list everything and get all answers in {invocations}. So far: {headline}.",
		Fix:     `Sweep one kind at a time, for example with {"only": ["roles"]}. Check the logs of the functions whose answers are missing.`}
	timeUp = finding.Template{Code: CodeIncomplete, Severity: finding.Error,
		Message: "Time ran out before the sweep listed everything and got all answers. So far: {headline}.",
		Fix:     "Set SWEEP_QUEUE_URL to the queue that invokes this function, so that it can continue."}
	reportBucketGone = finding.Template{Code: CodeNoReport, Severity: finding.Error,
		Message: "The report bucket {bucket} doesn't exist.",
		Fix:     "Deploy the stack again, or correct REPORT_BUCKET."}
	notReported = finding.Template{Code: CodeNoReport, Severity: finding.Info,
		Message: "This sweep waits for no answers and writes no report, because REPORT_BUCKET or SWEEP_RESULTS_QUEUE_URL isn't set. So far: {headline}."}
	reportedSoFar = finding.Template{Code: CodeReported, Severity: finding.Info,
		Message: "So far: {headline}. The sweep continues by itself. Its report will be {page}, and a summary goes to the event bus."}
	reported = finding.Template{Code: CodeReported, Severity: finding.Info,
		Message: "Result: {headline}. The report is {page}."}
	noAnswer = finding.Template{Code: CodeNoAnswer, Severity: finding.Error,
		Message: "The function {function} was asked to check this subject and didn't answer within {wait}.",
		Fix:     "Check the log and the dead-letter queue of {function}, and whether its mode is off."}
	noAnswers = finding.Template{Code: CodeNoAnswer, Severity: finding.Error,
		Message: "No function answered about {subjects} within {wait}. The report names them.",
		Fix:     "Check the functions' logs and dead-letter queues, and whether their mode is off."}

	noTrail = finding.Template{Code: CodeNoTrail, Severity: finding.Error,
		Message: "The account has no CloudTrail trail that covers {region}. EventBridge gets no event of {calls}, so only sweeps find such changes.",
		Fix:     createTrail}
	noTrailLogs = finding.Template{Code: CodeNoTrail, Severity: finding.Error,
		Message: "No CloudTrail trail logs {calls} in {region}. EventBridge gets no event of them, so only sweeps find such changes. Trails that are turned off: {stopped}. Trails that log other events: {others}.",
		Fix:     createTrail}
	trailUnknown = finding.Template{Code: CodeTrailUnknown, Severity: finding.Info,
		Message: "Can't tell whether a trail logs {calls} in {region}: CloudTrail answered {answer} when asked about the trail {trail}.",
		Fix:     "Ask the trail's owner whether it logs management write events here."}
	iamElsewhere = finding.Template{Code: CodeIAMElsewhere, Severity: finding.Warning,
		Message: "IAM's events exist only in {home}, and no rule there forwards them to {region}. This stack sees changed roles only in sweeps.",
		Fix:     "Deploy the stack in {home} as well. Or forward the events: create a rule there for the source aws.iam whose target is the default event bus of {region}."}
	bucketUnknown = finding.Template{Code: CodeBucketUnknown, Severity: finding.Warning,
		Message: "Can't tell whether the bucket {bucket} sends events for uploads. S3 answered {answer}.",
		Fix:     "Check that the bucket exists in this Region, and allow sweep's role s3:GetBucketNotification on it."}
	ownBucketSilent = finding.Template{Code: CodeBucketSilent, Severity: finding.Error,
		Message: "The bucket {bucket} sends no event for uploads of keys that end in {suffixes}, so only sweeps check those files.",
		Fix:     "Set the mode of validate-config to enforce or dry-run (Mode). If somebody changed the bucket's notifications, deploy the stack again."}
	bucketSilent = finding.Template{Code: CodeBucketSilent, Severity: finding.Error,
		Message: "The bucket {bucket} sends no event for uploads of keys that end in {suffixes}, so only sweeps check those files.",
		Fix:     "Turn on Amazon EventBridge in the bucket's properties, under Event notifications."}
	bucketUnlisted = finding.Template{Code: CodeBucketUnlisted, Severity: finding.Error,
		Message: "The objects of the bucket {bucket} can't be listed, so its files aren't checked. S3 answered {answer}.",
		Fix:     "Check that the bucket exists in this Region. Allow sweep's role s3:ListBucket, in the bucket's policy too. Or remove the bucket from ConfigBuckets."}

	malformedRequest = finding.Template{Code: "event-malformed", Severity: finding.Error,
		Message: "The request can't be read: {problem}.",
		Fix:     `Write {"sweep": "all"} or {"only": ["roles", "config-objects", "task-definitions", "secrets"]}. Add "dry-run": true to change nothing.`}
)

// What leaving says: which things stay, and which would break.
var (
	loanStays = finding.Template{Code: CodeLoanStays, Severity: finding.Info,
		Message: "The stack attached {policies} to {role}. That stays when the stack is deleted, so the role's instances keep working, but no function detaches it any more.",
		Fix:     "Name the policies in the role's own source. Before you delete the role, or where nothing needs them: for policy in {arns}; do aws iam detach-role-policy --role-name {name} --policy-arn \"$policy\"; done"}
	rotationBound = finding.Template{Code: CodeRotationBound, Severity: finding.Error,
		Message: "The secret {secret} is rotated by this stack's rotate-secret. Each rotation would fail once the stack is deleted.",
		Fix:     "The current credential keeps working. To rotate with another function: aws secretsmanager rotate-secret --region {region} --secret-id {id} --rotation-lambda-arn ARN"}
	rotationRunning = finding.Template{Code: CodeRotationBound, Severity: finding.Error,
		Message: "The secret {secret} is rotated by this stack's rotate-secret, and a rotation is running.",
		Fix:     "Wait until it has ended, and ask again. If it keeps failing, correct the cause or remove AWSPENDING from its version first."}
	grantStays = finding.Template{Code: CodeGrantStays, Severity: finding.Info,
		Message: "The resource policy of the secret lets {roles} read it. That stays when the stack is deleted, so tasks keep starting.",
		Fix:     "Where the roles no longer need it: aws secretsmanager delete-resource-policy --region {region} --secret-id {id}"}
	grantStaysBesideOthers = finding.Template{Code: CodeGrantStays, Severity: finding.Info,
		Message: grantStays.Message,
		Fix: "The policy has its owner's statements, too. Where the roles no longer need the stack's, read the policy with aws secretsmanager get-resource-policy --region {region} --secret-id {id}, " +
			"take out the statements whose Sid begins with EcsGuardrails, and write the rest: aws secretsmanager put-resource-policy --region {region} --secret-id {id} --block-public-policy --resource-policy file://policy.json"}
	roleStays = finding.Template{Code: CodeRoleStays, Severity: finding.Info,
		Message: "The revision uses the stack's execution role {role}, which stays when the stack is deleted.",
		Fix:     "Name your own execution role in the next revision. Delete the stack's role only when no revision in use has it."}
	bucketStays = finding.Template{Code: CodeBucketStays, Severity: finding.Info,
		Message: "The config bucket has {count}. It stays when the stack is deleted, so instances whose user data copies a file from it keep booting.",
		Fix:     "Move the files and change the user data (docs/instances.md) before you delete the bucket."}
	readyToLeave = finding.Template{Code: CodeReadyToLeave, Severity: finding.Info,
		Message: "The stack can be deleted: {roles}, {grants}, {families}, and rotation is turned off for {rotations}.",
		Fix:     "Run sam delete."}
	leaveRotating = finding.Template{Code: CodeLeaveUnknown, Severity: finding.Error,
		Message: "The stack is still needed: {rotating}.",
		Fix:     "Ask again when the rotation has ended."}
	leaveUnknown = finding.Template{Code: CodeLeaveUnknown, Severity: finding.Error,
		Message: "Can't list everything that may depend on the stack. Missing: {missing}.",
		Fix:     "Allow sweep's role the calls that the log names, and ask again."}
)

const (
	// Versions 1 and 2 of the AWS CLI both take a payload from a file as it is.
	allowChanges = "Read in the report what would change. Then allow it: echo '{payload}' | aws lambda invoke --function-name {function} --invocation-type Event " +
		"--payload fileb:///dev/stdin /dev/stdout"
	createTrail = "Create a multi-Region trail (aws cloudtrail create-trail --is-multi-region-trail), have it log management write events without a selector that leaves these out, " +
		"and start it (aws cloudtrail start-logging)."
)
