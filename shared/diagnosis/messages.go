package diagnosis

import "github.com/ecs-guardrails/ecs-guardrails/shared/finding"

// What causes a failure, as sentences. The headline has one of them after a colon, with
// the code of the cause: Observation.headline. Those of severity info need no fix,
// because the headline has it.
var (
	secretCredentialRefused = finding.Template{Code: "registry-wrong-credential", Severity: finding.Info,
		Message: "The registry refused the credential in the secret {secret}."}
	secretCredentialRefusedStatus = finding.Template{Code: "registry-wrong-credential", Severity: finding.Info,
		Message: "The registry refused the credential in the secret {secret} ({status})."}
	instanceCredentialRefused = finding.Template{Code: "registry-wrong-credential", Severity: finding.Info,
		Message: "The registry refused the credential; the task definition names none, so it comes from the instance's ecs.config."}
	instanceCredentialRefusedStatus = finding.Template{Code: "registry-wrong-credential", Severity: finding.Info,
		Message: "The registry refused the credential ({status}); the task definition names none, so it comes from the instance's ecs.config."}
	secretCredentialNotTaken = finding.Template{Code: "registry-no-credential", Severity: finding.Info,
		Message: "The registry asks for a credential and doesn't take the one in the secret {secret}."}
	imagePrivate = finding.Template{Code: "registry-no-credential", Severity: finding.Info,
		Message: "It is private, and the task definition names no credential."}
	anonymousPullsLimited = finding.Template{Code: "registry-rate-limit", Severity: finding.Info,
		Message: "The registry limits pulls without a login."}
	pullLimitUsedUp = finding.Template{Code: "registry-rate-limit", Severity: finding.Info,
		Message: "The registry's pull limit is used up."}
	secretCredentialForbidden = finding.Template{Code: "registry-forbidden", Severity: finding.Info,
		Message: "The registry doesn't let the credential in the secret {secret} read it."}
	credentialForbidden = finding.Template{Code: "registry-forbidden", Severity: finding.Info,
		Message: "The registry doesn't let the credential read it."}
	imageAbsent = finding.Template{Code: "image-denied-or-absent", Severity: finding.Info,
		Message: "The registry has no such image."}
	imagePrivateOrAbsent = finding.Template{Code: "image-denied-or-absent", Severity: finding.Info,
		Message: "It is private or doesn't exist, and the task definition names no credential."}
	imageAbsentOrUnsent = finding.Template{Code: "image-denied-or-absent", Severity: finding.Info,
		Message: "It doesn't exist, or needs a credential that wasn't sent."}

	secretDeletedOn = finding.Template{Code: "secret-gone", Severity: finding.Info,
		Message: "The secret {secret} is scheduled for deletion on {day}."}
	secretEmpty = finding.Template{Code: "secret-gone", Severity: finding.Info,
		Message: "The secret {secret} has no current value, or was created after the task."}
	secretGone = finding.Template{Code: "secret-gone", Severity: finding.Info,
		Message: "The secret {secret} doesn't exist."}
	secretDeleted = finding.Template{Code: "secret-marked-for-deletion", Severity: finding.Info,
		Message: "The secret {secret} is scheduled for deletion."}
	secretKeyMissing = finding.Template{Code: "secret-key-missing", Severity: finding.Info,
		Message: "The secret doesn't have the JSON key that valueFrom names."}
	secretKeyNamedMissing = finding.Template{Code: "secret-key-missing", Severity: finding.Info,
		Message: "The secret has no JSON key {key}."}
	parameterGone = finding.Template{Code: "ssm-gone", Severity: finding.Info,
		Message: "The parameter {parameter} doesn't exist."}
	environmentFileGone = finding.Template{Code: "env-file-gone", Severity: finding.Info,
		Message: "The environment file {file} doesn't exist."}
	logGroupGone = finding.Template{Code: "log-group-gone", Severity: finding.Info,
		Message: "The log group {group} doesn't exist."}

	mayNotReadSecret = finding.Template{Code: "secret-denied", Severity: finding.Info,
		Message: "The {role} may not read the secret {secret}."}
	mayNotReadParameter = finding.Template{Code: "ssm-denied", Severity: finding.Info,
		Message: "The {role} may not read the parameter {parameter}."}
	mayNotDecrypt = finding.Template{Code: "secret-kms-denied", Severity: finding.Info,
		Message: "The {role} may not decrypt with the KMS key of the secret."}
	mayNotGetToken = finding.Template{Code: "ecr-token-denied", Severity: finding.Info,
		Message: "The {role} may not get an Amazon ECR token."}
	mayNotPull = finding.Template{Code: "ecr-pull-denied", Severity: finding.Info,
		Message: "The {role} may not pull from the repository."}
	fileCalledForbidden = finding.Template{Code: "env-file-denied", Severity: finding.Info,
		Message: "The environment file {file} doesn't exist (Amazon S3 calls it forbidden, because s3:ListBucket isn't allowed)."}
	mayNotReadFile = finding.Template{Code: "env-file-denied", Severity: finding.Info,
		Message: "The {role} may not read the environment file {file}."}
	mayNotLog = finding.Template{Code: "log-denied", Severity: finding.Info,
		Message: "The {role} may not write to the log group {group}."}
	mayNotRegister = finding.Template{Code: "registration-denied", Severity: finding.Info,
		Message: "The {role} may not register the instance."}

	deniedByOrganization = finding.Template{Code: "secret-denied", Severity: finding.Info, Message: "A policy of the organization denies it."}
	deniedByBoundary     = finding.Template{Code: "secret-denied", Severity: finding.Info, Message: "Its permissions boundary doesn't allow it."}
	deniedByEndpoint     = finding.Template{Code: "secret-denied", Severity: finding.Info, Message: "The VPC endpoint's policy doesn't allow it."}
	deniedByResource     = finding.Template{Code: "secret-denied", Severity: finding.Info, Message: "The resource's own policy doesn't allow it."}
	deniedByPolicy       = finding.Template{Code: "secret-denied", Severity: finding.Info, Message: "One of its policies denies it."}

	roleNameless = finding.Template{Code: "execution-credentials-absent", Severity: finding.Info,
		Message: "The task has no credentials of an execution role."}
	roleGone = finding.Template{Code: "role-not-assumable", Severity: finding.Info,
		Message: "The role {role} doesn't exist."}
	roleDistrusts = finding.Template{Code: "role-not-assumable", Severity: finding.Info,
		Message: "The role {role} doesn't trust ecs-tasks.amazonaws.com."}
	roleGaveNothing = finding.Template{Code: "role-not-assumable", Severity: finding.Info,
		Message: "Amazon ECS got no credentials of the role {role}."}

	itsClusterAbsent = finding.Template{Code: "cluster-absent", Severity: finding.Info,
		Message: "Its cluster doesn't exist or isn't active."}
	clusterAbsent = finding.Template{Code: "cluster-absent", Severity: finding.Info,
		Message: "The cluster {cluster} doesn't exist or isn't active."}
	registrationRefused = finding.Template{Code: "registration-refused", Severity: finding.Info,
		Message: "Amazon ECS refuses the attributes or tags that it registers with."}
	attributeMissing = finding.Template{Code: "place-attribute", Severity: finding.Info,
		Message: "No instance has an attribute that the task definition requires."}
	attributeNamedMissing = finding.Template{Code: "place-attribute", Severity: finding.Info,
		Message: "No instance has the attribute {attribute}."}
	attributesMissing = finding.Template{Code: "place-attribute", Severity: finding.Info,
		Message: "No instance has all of the attributes {attributes}."}
	clusterEmpty = finding.Template{Code: "place-no-instances", Severity: finding.Info,
		Message: "The cluster has no container instance."}
	agentDisconnected = finding.Template{Code: "place-agent", Severity: finding.Info,
		Message: "The agent is disconnected from Amazon ECS."}
	reasonUnknown = finding.Template{Code: "unrecognised", Severity: finding.Info,
		Message: "The reason isn't known here."}
	reasonOfUnknownClass = finding.Template{Code: "unrecognised", Severity: finding.Info,
		Message: "The reason isn't known here ({class})."}

	instanceGone = finding.Template{Code: "instance-not-registered", Severity: finding.Info,
		Message: "The instance doesn't exist."}
	instanceNotRunning = finding.Template{Code: "instance-not-registered", Severity: finding.Info,
		Message: "The instance is {state}."}
	instanceWithoutProfile = finding.Template{Code: "instance-not-registered", Severity: finding.Info,
		Message: "It has no instance profile."}
	instanceNotRegistered = finding.Template{Code: "instance-not-registered", Severity: finding.Info,
		Message: "The instance isn't registered."}
	profileWithoutRole = finding.Template{Code: "instance-not-registered", Severity: finding.Info,
		Message: "Its instance profile holds no role."}
	instanceKeptOut = finding.Template{Code: "instance-not-registered", Severity: finding.Info,
		Message: "Its role may register it, so its ecs.config, user data, agent or network keeps it out."}
)

// What is said about the function that can end a cause, by the function.
var (
	attachLooks  = finding.Template{Code: CodeCureRequested, Severity: finding.Info, Message: "attach-policies is looking at the role."}
	patchLooks   = finding.Template{Code: CodeCureRequested, Severity: finding.Info, Message: "patch-task-definition is looking at the task definition."}
	rotateRenews = finding.Template{Code: CodeCureRequested, Severity: finding.Info, Message: "rotate-secret is renewing the secret."}
	attachOff    = finding.Template{Code: CodeCureRequested, Severity: finding.Info, Message: "attach-policies could end this, but is off."}
	patchOff     = finding.Template{Code: CodeCureRequested, Severity: finding.Info, Message: "patch-task-definition could end this, but is off."}
	rotateOff    = finding.Template{Code: CodeCureRequested, Severity: finding.Info, Message: "rotate-secret could end this, but is off."}
	attachDry    = finding.Template{Code: CodeCureRequested, Severity: finding.Info, Message: "attach-policies isn't asked to end this, because this is a dry run."}
	patchDry     = finding.Template{Code: CodeCureRequested, Severity: finding.Info, Message: "patch-task-definition isn't asked to end this, because this is a dry run."}
	rotateDry    = finding.Template{Code: CodeCureRequested, Severity: finding.Info, Message: "rotate-secret isn't asked to end this, because this is a dry run."}

	// works, off and dry are by the function's name.
	works = map[string]finding.Template{attachPolicies: attachLooks, patchTaskDefinition: patchLooks, rotateSecret: rotateRenews}
	off   = map[string]finding.Template{attachPolicies: attachOff, patchTaskDefinition: patchOff, rotateSecret: rotateOff}
	dry   = map[string]finding.Template{attachPolicies: attachDry, patchTaskDefinition: patchDry, rotateSecret: rotateDry}

	agentGaveUp = finding.Template{Code: CodeCureRequested, Severity: finding.Info,
		Message: "The function {function} was asked to end the cause. The agent has given up: run systemctl restart ecs on the instance, or replace the instance."}
	agentTriesAgain = finding.Template{Code: CodeCureRequested, Severity: finding.Info,
		Message: "The function {function} was asked to end the cause. The agent tries again by itself within minutes, so nothing is left to do on the instance."}
	nextTaskPulls = finding.Template{Code: CodeCureRequested, Severity: finding.Info,
		Message: "The function {function} was asked to end the cause. The next task pulls the image again."}
	serviceTriesAgain = finding.Template{Code: CodeCureRequested, Severity: finding.Info,
		Message: "The function {function} was asked to end the cause. The service tries again by itself within {minutes}."}
	startAgain = finding.Template{Code: CodeCureRequested, Severity: finding.Info,
		Message: "The function {function} was asked to end the cause. Then start the task again: nothing else does."}
)

// What is said besides the cause.
var (
	knownFailure = finding.Template{Code: CodeKnown, Severity: finding.Info,
		Message: "The same failure of {subject} was reported within the last hour."}
	lastingFailure = finding.Template{Code: CodeKnown, Severity: finding.Info,
		Message: "The failure of {subject} was reported and still lasts."}
	nothingTries = finding.Template{Code: CodeKnown, Severity: finding.Info,
		Message: "Nothing has tried to start {subject} for a day, so the failure is no longer followed."}
	noFailure = finding.Template{Code: CodeNothingFound, Severity: finding.Info,
		Message: "No failure was found for {subject}."}
	applicationEnded = finding.Template{Code: CodeApplicationExit, Severity: finding.Info,
		Message: "The application of {subject} ran, and then ended by itself or was stopped for its health check or its memory. Look in its own log."}
	noReason = finding.Template{Code: CodeNoReason, Severity: finding.Info,
		Message: "ECS names no reason for the failure of {subject}."}
	noReasonInEvent = finding.Template{Code: CodeNoReason, Severity: finding.Info,
		Message: "The event about {subject} names no reason."}
	agentConnected = finding.Template{Code: CodeNoReason, Severity: finding.Info,
		Message: "The agent of {instance} is connected."}
	registrationDelayed = finding.Template{Code: CodeNoReason, Severity: finding.Info,
		Message: "The registration was throttled or met a server error; the agent tries again."}
	over = finding.Template{Code: CodeOver, Severity: finding.Info,
		Message: "The failure is over; nothing is left to do."}
	taskRuns = finding.Template{Code: CodeOver, Severity: finding.Info,
		Message: "Resolved: {subject} works again: a task of {revision} has run since {time}. It had failed since {since}, in {attempts} ({cause}).",
		Fix:     "Nothing. It is over."}
	instanceConnected = finding.Template{Code: CodeOver, Severity: finding.Info,
		Message: "Resolved: {subject} works again: the instance is registered and its agent is connected. It had failed since {since}, in {attempts} ({cause}).",
		Fix:     taskRuns.Fix}
	alsoNamed = finding.Template{Code: CodeAlso, Severity: finding.Info,
		Message: "The same text also names {cause}."}

	unchecked = finding.Template{Code: CodeCauseOpen, Severity: finding.Info,
		Message: "Can't check {kind} {name}: {why}."}
	allowedNow = finding.Template{Code: CodeCauseOpen, Severity: finding.Info,
		Message: "IAM's simulator allows the role {role} to call {action} now. Either that was granted since, or the policy of the resource or of a VPC endpoint denies it, which the simulator doesn't know."}
	deniedForGood = finding.Template{Code: CodeCauseOpen, Severity: finding.Info,
		Message: "A permissions boundary, a policy of the organization or an explicit denial keeps the role {role} from {action}. No attached policy can change that."}
	noSuchRole = finding.Template{Code: CodeCauseOpen, Severity: finding.Info,
		Message: "The role {role} doesn't exist under this name and path."}
	publicNow = finding.Template{Code: CodeCauseOpen, Severity: finding.Info,
		Message: "The registry shows the image without a credential now. It was made public or pushed since, or the instance asks another registry or a proxy."}
	hiddenFromStrangers = finding.Template{Code: CodeCauseOpen, Severity: finding.Info,
		Message: "The registry doesn't tell strangers whether the image is private or absent. If a pull with a credential fails too, the name is wrong."}

	wrote = finding.Template{Code: CodeEvidence, Severity: finding.Info,
		Message: "ECS wrote: {text}."}
	isAbout = finding.Template{Code: CodeEvidence, Severity: finding.Info,
		Message: "This is about {things}."}
	failedSince = finding.Template{Code: CodeEvidence, Severity: finding.Info,
		Message: "It has failed since {since}, in {attempts}."}
	runbook = finding.Template{Code: CodeEvidence, Severity: finding.Info,
		Message: "AWS's runbook AWSSupport-TroubleshootECSTaskFailedToStart checks the network and the rest."}
	openConsole = finding.Template{Code: CodeEvidence, Severity: finding.Info,
		Message: "The console shows it: open {link} there."}
	restsOnState = finding.Template{Code: CodeEvidence, Severity: finding.Info,
		Message: "The diagnosis rests on the state of the instance."}
)
