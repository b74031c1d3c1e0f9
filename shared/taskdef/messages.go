package taskdef

import "github.com/ecs-guardrails/ecs-guardrails/shared/finding"

// What the findings about revisions, and about who uses them, say.
var (
	otherRegion = finding.Template{Code: "subject-in-other-region", Severity: finding.Info,
		Message: "The task definition is in {region}, and this function looks after {here}."}
	otherAccount = finding.Template{Code: "subject-in-other-account", Severity: finding.Info,
		Message: "The task definition belongs to the account {account}, in which this function doesn't work."}
	serviceGone = finding.Template{Code: "subject-gone", Severity: finding.Info,
		Message: "The service no longer exists, or has no task definition."}
	familyGone = finding.Template{Code: "subject-gone", Severity: finding.Info,
		Message: "The family {family} has no active revision."}
	definitionGone = finding.Template{Code: "subject-gone", Severity: finding.Info,
		Message: "The task definition {definition} no longer exists."}
	deregistered = finding.Template{Code: "subject-gone", Severity: finding.Info,
		Message: "The task definition {definition} is no longer active, because it was deregistered."}
	notLatest = finding.Template{Code: "revision-not-latest", Severity: finding.Info,
		Message: "The family's latest revision is {latest} by now. A new revision made from {asked} would take its place."}
	registrationFailed = finding.Template{Code: "call-failed", Severity: finding.Info,
		Message: "The registration failed with {failure}, so there is no new revision."}
	registeredHere = finding.Template{Code: "registration-own", Severity: finding.Info,
		Message: "This stack registered the revision itself."}
	registeredByLike = finding.Template{Code: "registration-own", Severity: finding.Info,
		Message: "The revision has the tag {tag} with the revision before it, so a stack like this one registered it."}
	familyIgnored = finding.Template{Code: "family-ignored", Severity: finding.Info,
		Message: "The family {family} is one of those in IgnoredFamilies."}
	definitionIgnored = finding.Template{Code: "family-ignored", Severity: finding.Info,
		Message: "The task definition has the tag {tag}."}
	ownedByService = finding.Template{Code: "owned-by-service", Severity: finding.Info,
		Message: "The task definition belongs to {service}, which registers it for itself and runs no other revision."}

	madeTooLate = finding.Template{Code: "revision-late", Severity: finding.Warning,
		Message: "The revision {late} was made from an older one than {first}, and has taken its place as the family's latest.",
		Fix:     "Run: aws ecs deregister-task-definition --task-definition {argument}"}
	superseded = finding.Template{Code: "revision-superseded", Severity: finding.Info,
		Message: "The revision {revision}, which this function made, is superseded by {latest}, and nothing uses it.",
		Fix:     "Run: aws ecs deregister-task-definition --task-definition {argument}"}
	supersededInUse = finding.Template{Code: "revision-superseded", Severity: finding.Info,
		Message: "The revision {revision}, which this function made, is superseded by {latest}, and stays registered: {why}.",
		Fix:     "Nothing. sweep checks it again."}

	serviceIgnored = finding.Template{Code: "service-ignored", Severity: finding.Info,
		Message: "The service {service} runs an older revision than the one made from it, and has the tag {tag}."}
	serviceStays = finding.Template{Code: "service-not-moved", Severity: finding.Warning,
		Message: "The service {service} runs an older revision than the one made from it, and stays there: {why}.",
		Fix:     "Deploy the latest revision to {service} in its usual way. sweep checks again what ends by itself."}
	serviceWaits = finding.Template{Code: "service-waits", Severity: finding.Info,
		Message: "The service {service} runs an older revision than the one made from it. It is moved when {other} is stable."}
	serviceBehind = finding.Template{Code: "service-behind", Severity: finding.Warning,
		Message: "The service {service} runs an older revision than the one made from it.",
		Fix:     "Deploy the latest revision to {service}."}
	servicesUnchecked = finding.Template{Code: "services-unchecked", Severity: finding.Warning,
		Message: "Services that run an older revision may have been left out: {why}.",
		Fix:     "Allow the function's role ecs:ListClusters, ecs:ListServices and ecs:DescribeServices, or deploy the latest revision yourself."}
	moveRefused = finding.Template{Code: "service-not-moved", Severity: finding.Warning,
		Message: "ECS refuses to move a service: {why}.",
		Fix:     "Look the error code up under UpdateService in the ECS API reference, and deploy the latest revision yourself."}
	notMoved = finding.Template{Code: "service-not-moved", Severity: finding.Warning,
		Message: "The service {service} wasn't moved to {revision}: {why}.",
		Fix:     "Turn the capabilities on in the instances' ecs.config, or start the instances from a newer image. Then deploy the latest revision."}

	schedulePinned = finding.Template{Code: "schedule-pinned", Severity: finding.Warning,
		Message: "The {schedule} starts tasks of {definition}, not of the revision made from it.",
		Fix:     "Name the latest revision there, or the family alone, which always means the latest."}
	scheduleFollows = finding.Template{Code: "schedule-follows", Severity: finding.Info,
		Message: "The {schedule} names the family alone, so from its next run on it starts tasks of the new revision.",
		Fix:     "Nothing, if that is meant."}
	schedulesUnchecked = finding.Template{Code: "schedules-unchecked", Severity: finding.Info,
		Message: "Rules and schedules that start tasks of an older revision may have been left out: {why}.",
		Fix:     "Allow the call to the function's role, or check the remaining rules and schedules yourself."}

	platformTooOld = finding.Template{Code: "platform-too-old", Severity: finding.Error,
		Message: "The service {service} can't start tasks of this definition: {why}.",
		Fix:     "Update the service with --platform-version LATEST."}
	agentTooOld = finding.Template{Code: "agent-too-old", Severity: finding.Error,
		Message: "In the cluster {cluster}, {share} an agent older than {version}, which the field {field} needs ({agents}). ECS places no task of this definition there.",
		Fix:     "Update the agents with aws ecs update-container-agent, or start the instances from a newer image."}
	attributeMissing = finding.Template{Code: "instance-attribute-missing", Severity: finding.Error,
		Message: "In the cluster {cluster}, {share} attributes that the task definition asks for ({attributes}). ECS places no task of it there.",
		Fix:     "Turn the capabilities on in the instances' ecs.config, or start the instances from a newer image."}
)

// What the findings about images and their credentials say.
var (
	imagePlaceholder = finding.Template{Code: "file-placeholder", Severity: finding.Info,
		Message: "The image of the {container} is a placeholder, so it isn't checked.",
		Fix:     checkMadeFile}
	imageLeftOut = finding.Template{Code: "file-placeholder", Severity: finding.Warning,
		Message: "The {container} has no image, and ECS refuses the task definition until one is filled in.",
		Fix:     checkMadeFile}
	// imageInvalid gets the fix that the parser of images has for it.
	imageInvalid = finding.Template{Code: "image-invalid", Severity: finding.Error,
		Message: "The image of the {container} isn't the name of an image: {problem}.",
		Fix:     "Write registry/path:tag or registry/path@digest."}
	imageAbsent = finding.Template{Code: "image-absent", Severity: finding.Error,
		Message: "The registry has no image {image} with the tag or digest that the {container} names, so no task that pulls it starts.",
		Fix:     "Push the image, or correct its name."}
	imageHidden = finding.Template{Code: "image-hidden", Severity: finding.Error,
		Message: "The registry {registry} accepts the credential in the secret {secret}, but doesn't show it the image {image} of the {container}. There is no such image, or the credential's user may not pull it.",
		Fix:     "Push the image, correct its name, or allow the credential's user to pull it."}
	imagePublic = finding.Template{Code: "image-public", Severity: finding.Info,
		Message: "The image {image} of the {container} is public, so it is pulled without the secret {secret} that is tagged for its registry.",
		Fix:     "Nothing, unless the registry's limit for anonymous pulls matters. Then tag the secret {tag}=yes."}
	imageUnchecked = finding.Template{Code: "image-unchecked", Severity: finding.Info,
		Message: "Can't tell whether the image {image} of the {container} is public, so the secret {secret} isn't named for it.",
		Fix:     "If it is private, set repositoryCredentials.credentialsParameter to {arn}."}
	imageUncheckedWhy = finding.Template{Code: "image-unchecked", Severity: finding.Info,
		Message: "Can't tell whether the image {image} of the {container} is public, so the secret {secret} isn't named for it: {why}.",
		Fix:     imageUnchecked.Fix}

	credentialRefused = finding.Template{Code: "credential-refused", Severity: finding.Error,
		Message: "The registry {registry} refuses the credential in the secret {secret}, so the image of the {container} can't be pulled with it.",
		Fix:     "Put a credential that works into the secret, or rotate it."}
	credentialMissing = finding.Template{Code: "credential-missing", Severity: finding.Error,
		Message: "The {container} has no repositoryCredentials, although the secret {secret} serves its image {image}. The image is pulled anonymously, or with what the instance's ecs.config has.",
		Fix:     setCredential}
	maybePrivate = finding.Template{Code: "credential-missing", Severity: finding.Warning,
		Message: "The {container} has no repositoryCredentials, although the secret {secret} serves its image {image}. The image is pulled anonymously, or with what the instance's ecs.config has. Can't tell whether it is private.",
		Fix:     setCredential}
	maybePrivateWhy = finding.Template{Code: "credential-missing", Severity: finding.Warning,
		Message: "The {container} has no repositoryCredentials, although the secret {secret} serves its image {image}. The image is pulled anonymously, or with what the instance's ecs.config has. Can't tell whether it is private: {why}.",
		Fix:     setCredential}
	publicWithout = finding.Template{Code: "credential-missing", Severity: finding.Warning,
		Message: "The image {image} of the {container} is public and is pulled without a credential, so the registry's limit for anonymous pulls applies. The owner of the secret {secret} wants public images pulled with it.",
		Fix:     setCredential}
	credentialOnECR = finding.Template{Code: "credential-on-ecr-image", Severity: finding.Error,
		Message: "The {container} has repositoryCredentials, but its image is in Amazon ECR ({registry}). ECS refuses to register that, and a pull with it fails.",
		Fix:     "Remove repositoryCredentials. Amazon ECR uses the execution role's permissions."}
	credentialReplaced = finding.Template{Code: "credential-differs", Severity: finding.Warning,
		Message: credentialDiffers.Message,
		Fix:     "To put the former secret back, register the former revision again, with REPLACE_CREDENTIALS=no."}
	credentialDiffers = finding.Template{Code: "credential-differs", Severity: finding.Info,
		Message: "The image {image} of the {container} is pulled with the secret {credential}, not with the secret {secret} that is tagged for its registry.",
		Fix:     "Nothing, if that is meant. REPLACE_CREDENTIALS=yes replaces it."}
	secretNewcomer = finding.Template{Code: "registry-secret-newcomer", Severity: finding.Warning,
		Message: "The secret {newcomer} is tagged for {scope}, too. The image of the {container} stays with the secret {secret}, which the family's last revision was pulled with.",
		Fix:     oneSecret}
	secretOlder = finding.Template{Code: "registry-secret-newcomer", Severity: finding.Warning,
		Message: "The secrets {secret} and {newcomer} are both tagged for {scope}. No earlier revision shows which of them the image of the {container} was pulled with, so the older secret, {secret}, is used.",
		Fix:     oneSecret}
	secretsAmbiguous = finding.Template{Code: "registry-secrets-ambiguous", Severity: finding.Error,
		Message: "Several secrets serve {image}, the image of the {container}, equally well: {secrets}. So it gets none of them.",
		Fix:     "Remove the tag {tag} from all of them but one, or give them different paths in it."}
	notServed = finding.Template{Code: "registry-not-served", Severity: finding.Info,
		Message: "No tagged secret serves the image {image} of the {container}. It is pulled anonymously, or with what the instance's ecs.config has.",
		Fix:     tagSecret}
	hiddenNotServed = finding.Template{Code: "registry-not-served", Severity: finding.Error,
		Message: "The registry doesn't show the image {image} of the {container} without a credential, and no tagged secret serves it. It is private, or there is no such image.",
		Fix:     tagSecret}
	wronglyTagged = finding.Template{Code: "registry-not-served", Severity: finding.Info,
		Message: "These secrets have a tag that names no registry: {secrets}."}

	namesNoSecret = finding.Template{Code: "credential-invalid", Severity: finding.Error,
		Message: "The {container} has repositoryCredentials that name no secret.",
		Fix:     nameByARN}
	credentialInvalid = finding.Template{Code: "credential-invalid", Severity: finding.Error,
		Message: "The credentialsParameter of the {container} can't work: {problem}.",
		Fix:     nameByARN}
	credentialElsewhere = finding.Template{Code: "credential-in-other-account", Severity: finding.Warning,
		Message: "The {container} is pulled with a secret of the account {account}. Tasks in {here} start only if that account's policies of the secret and of its key allow the execution role, which can't be checked from here.",
		Fix:     keepCopy}
	credentialPartition = finding.Template{Code: "credential-in-other-account", Severity: finding.Error,
		Message: "The {container} is pulled with a secret of the partition {partition}, but the task definition is in the partition {here}.",
		Fix:     keepCopy}
	credentialRegion = finding.Template{Code: "credential-in-other-region", Severity: finding.Info,
		Message: "The {container} is pulled with a secret in {region}. Tasks in {here} start only while that Region answers.",
		Fix:     "Replicate the secret to this Region, and name the replica in credentialsParameter."}
	credentialGone = finding.Template{Code: "credential-gone", Severity: finding.Error,
		Message: "The {container} is pulled with the secret {secret}, which doesn't exist in this account and Region. No task of this definition starts.",
		Fix:     "Name a secret that exists. A secret of another Region must be named by its ARN."}
	credentialGoneOther = finding.Template{Code: "credential-gone", Severity: finding.Error,
		Message: credentialGone.Message,
		Fix:     "Name a secret that exists, such as {arn}, which is tagged for the registry (REPLACE_CREDENTIALS=yes names it). A secret of another Region must be named by its ARN."}
	credentialDeleted = finding.Template{Code: "credential-gone", Severity: finding.Error,
		Message: "The {container} is pulled with the secret {secret}, which is scheduled for deletion and can't be read. No task of this definition starts.",
		Fix:     "Restore the secret with aws secretsmanager restore-secret, or name another one."}
	credentialDeletedOther = finding.Template{Code: "credential-gone", Severity: finding.Error,
		Message: credentialDeleted.Message,
		Fix:     "Restore the secret with aws secretsmanager restore-secret, or name another one, such as {arn}, which is tagged for the registry (REPLACE_CREDENTIALS=yes names it)."}
	secretKeys = finding.Template{Code: "secret-keys", Severity: finding.Error,
		Message: "ECS can't log in to the registry with the secret {secret}: {problem}.",
		Fix:     `Write the secret's value as {"username": "…", "password": "…"}.`}
)

const (
	checkMadeFile = "Check the file that is made from this one, too."
	setCredential = "Set repositoryCredentials.credentialsParameter to {arn}."
	tagSecret     = "Put the tag {tag}={registry} on the secret that holds the image's credential, if the image is private."
	nameByARN     = "Name the secret in credentialsParameter by its ARN."
	oneSecret     = "Remove the tag {tag} from the secret that isn't meant. Or list on each secret the families that it is for, in the tag {families}."
	keepCopy      = "Keep a copy of the secret in this account, and name the copy in credentialsParameter."
)

// What the findings about secrets and files that containers get as variables say.
var (
	referenceInvalid = finding.Template{Code: "secret-reference-invalid", Severity: finding.Error,
		Message: "The valueFrom of {variable} in {field} of the {container} {problem}. No task of this definition starts.",
		Fix:     nameReference}
	referencePartition = finding.Template{Code: "secret-reference-invalid", Severity: finding.Error,
		Message: "The valueFrom of {variable} in {field} of the {container} is in the partition {partition}, but the task definition is in the partition {here}.",
		Fix:     nameReference}
	secretGone = finding.Template{Code: "secret-gone", Severity: finding.Error,
		Message: "The variable {variable} in {field} of the {container} is the secret {secret}, which doesn't exist. No task of this definition starts.",
		Fix:     "Create the secret, or name one that exists by its whole ARN."}
	secretGonePartial = finding.Template{Code: "secret-gone", Severity: finding.Error,
		Message: "The variable {variable} in {field} of the {container} is the secret {secret}, which doesn't exist (Secrets Manager takes an ARN that ends in a hyphen and six characters for a complete one). No task of this definition starts.",
		Fix:     secretGone.Fix}
	secretDeleted = finding.Template{Code: "secret-gone", Severity: finding.Error,
		Message: "The variable {variable} in {field} of the {container} is the secret {secret}, which is scheduled for deletion and can't be read. No task of this definition starts.",
		Fix:     "Restore the secret with aws secretsmanager restore-secret, or name another one."}
	secretKeyMissing = finding.Template{Code: "secret-key-missing", Severity: finding.Error,
		Message: "The variable {variable} in {field} of the {container} takes a JSON key of the secret {secret} that its value doesn't have. No task of this definition starts.",
		Fix:     "Correct the JSON key in valueFrom, or add it to the secret's value."}

	fileOfOtherType = finding.Template{Code: "environment-file-invalid", Severity: finding.Error,
		Message: `An environment file of the {container} has another type than "s3", the only one that ECS knows.`,
		Fix:     nameFile}
	fileByAddress = finding.Template{Code: "environment-file-invalid", Severity: finding.Error,
		Message: "An environment file of the {container} is named by its address, and ECS needs the object's ARN.",
		Fix:     nameFile}
	fileByNoARN = finding.Template{Code: "environment-file-invalid", Severity: finding.Error,
		Message: "An environment file of the {container} is not named by the ARN of an object in S3.",
		Fix:     nameFile}
	filePartition = finding.Template{Code: "environment-file-invalid", Severity: finding.Error,
		Message: "An environment file of the {container} is in another partition than the task definition, which is in {here}.",
		Fix:     nameFile}
	fileSuffix = finding.Template{Code: "environment-file-invalid", Severity: finding.Error,
		Message: `An environment file of the {container} doesn't end in ".env".`,
		Fix:     nameFile}
	environmentFileGone = finding.Template{Code: "environment-file-gone", Severity: finding.Error,
		Message: "The environment file {file} of the {container} doesn't exist: {why}. No task of this definition starts.",
		Fix:     "Upload the environment file, or name one that exists in environmentFiles."}
	environmentFilesOnWindows = finding.Template{Code: "windows-field-unsupported", Severity: finding.Warning,
		Message: "The {container} has environmentFiles, which Windows containers on Fargate don't support.",
		Fix:     "Put the variables into environment and secrets."}
	environmentFilesTooMany = finding.Template{Code: "environment-files-too-many", Severity: finding.Error,
		Message: "The task definition has {files}, and ECS reads {most} at most.",
		Fix:     "Put the variables of several environment files into one."}
)

const (
	nameReference = "Name a secret by its ARN, or a parameter by its name or ARN, in valueFrom."
	nameFile      = `Write {"type": "s3", "value": "arn:aws:s3:::bucket/path/name.env"}.`
)

// What the findings about the execution role say.
var (
	roleMissing = finding.Template{Code: "execution-role-missing", Severity: finding.Error,
		Message: "The task definition has no executionRoleArn, which it needs for {reasons}. ECS refuses to register it, or its tasks don't start.",
		Fix:     "Name a role in executionRoleArn that trusts ecs-tasks.amazonaws.com. Or have the stack give one to every such task definition (EXECUTION_ROLE_ARN)."}
	roleGoneThere = finding.Template{Code: "execution-role-gone", Severity: finding.Warning,
		Message: "The execution role {role} doesn't exist in the account of these AWS credentials. No task of this definition starts there.",
		Fix:     "Create the role, or name another one in executionRoleArn."}
	roleGone = finding.Template{Code: "execution-role-gone", Severity: finding.Error,
		Message: "The execution role {role} doesn't exist. No task of this definition starts.",
		Fix:     roleGoneThere.Fix}
	roleUnchecked = finding.Template{Code: "execution-role-unchecked", Severity: finding.Info,
		Message: "Can't check what the execution role {role} may do: {why}.",
		Fix:     "Allow the function's role iam:GetRole and iam:SimulatePrincipalPolicy."}
	roleUntrusting = finding.Template{Code: "execution-role-trust", Severity: finding.Error,
		Message: "The execution role {role} doesn't trust ecs-tasks.amazonaws.com, so ECS can't assume it. No task of this definition starts.",
		Fix:     `Add {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"} to the role's trust policy.`}

	maySecret = finding.Template{Code: "execution-role-secret", Severity: finding.Error, Message: mayNot, Fix: allowRole}
	mayKey    = finding.Template{Code: "execution-role-key", Severity: finding.Warning, Message: mayNot, Fix: allowRole}
	mayFile   = finding.Template{Code: "execution-role-environment-file", Severity: finding.Error, Message: mayNot, Fix: allowRole}
	mayLog    = finding.Template{Code: "execution-role-logs", Severity: finding.Error, Message: mayNot, Fix: allowRole}
	mayPull   = finding.Template{Code: "execution-role-ecr", Severity: finding.Error, Message: mayNot, Fix: allowRole}

	untoldSecret = finding.Template{Code: "execution-role-secret", Severity: finding.Warning, Message: cannotTell, Fix: ifNeeded}
	untoldKey    = finding.Template{Code: "execution-role-key", Severity: finding.Warning, Message: cannotTell, Fix: ifNeeded}
	untoldFile   = finding.Template{Code: "execution-role-environment-file", Severity: finding.Warning, Message: cannotTell, Fix: ifNeeded}
	untoldLog    = finding.Template{Code: "execution-role-logs", Severity: finding.Warning, Message: cannotTell, Fix: ifNeeded}
	untoldPull   = finding.Template{Code: "execution-role-ecr", Severity: finding.Warning, Message: cannotTell, Fix: ifNeeded}

	// These are said with one of the others, whatever its code is.
	deniedByPolicy = finding.Template{Code: "execution-role-secret", Severity: finding.Info, Message: "A policy denies it, or a boundary or the organization doesn't allow it."}
	taskRoleMay    = finding.Template{Code: "execution-role-secret", Severity: finding.Info, Message: "The task role {role} may, but ECS does this as the execution role."}
	keyPolicyMay   = finding.Template{Code: "execution-role-key", Severity: finding.Info, Message: "The key's own policy may still allow it."}
	nothingChanged = finding.Template{Code: "execution-role-secret", Severity: finding.Info, Message: "Nothing is changed: {why}."}
)

const (
	mayNot     = "The execution role {role} may not {purposes}."
	allowRole  = "Allow the role {permissions}. Add to its policies: [{statements}]"
	cannotTell = "Can't tell before a task starts whether the execution role {role} may {purposes}: {reasons}."
	ifNeeded   = "Nothing, if the tasks start. Otherwise allow it {permissions}."
)

// mayNotDo and cannotTellOf are by what the role needs the permission for.
var (
	mayNotDo     = map[string]finding.Template{maySecret.Code: maySecret, mayKey.Code: mayKey, mayFile.Code: mayFile, mayLog.Code: mayLog, mayPull.Code: mayPull}
	cannotTellOf = map[string]finding.Template{maySecret.Code: untoldSecret, mayKey.Code: untoldKey, mayFile.Code: untoldFile, mayLog.Code: untoldLog, mayPull.Code: untoldPull}
)

// What the findings about a definition that ECS refuses, or its owner would not
// have, say.
var (
	fieldWithdrawn = finding.Template{Code: "field-withdrawn", Severity: finding.Error,
		Message: "The task definition has {fields}, which ECS no longer accepts, because Amazon Elastic Inference has ended.",
		Fix:     "Register a revision without these fields."}
	fieldUnknown = finding.Template{Code: "field-unknown", Severity: finding.Error,
		Message: "ECS described {fields}, which this version of the function doesn't know and would lose in a new revision.",
		Fix:     "Update ECS Guardrails. Until then, make the change in the task definition's source: [{operations}]"}
	definitionOwned = finding.Template{Code: "definition-owned", Severity: finding.Error,
		Message: "The task definition is rendered from the source of {owner}, whose next run would make a revision without this change.",
		Fix:     "Have such task definitions patched all the same, with ChangeOwnedResources=all."}

	familyInvalid = finding.Template{Code: "name-invalid", Severity: finding.Error,
		Message: "ECS refuses the name of the family.",
		Fix:     nameRule}
	familyMissing = finding.Template{Code: "name-invalid", Severity: finding.Error,
		Message: "The task definition has no family, and ECS refuses one without.",
		Fix:     `Name the family in the field "family".`}
	nameMissing = finding.Template{Code: "name-invalid", Severity: finding.Error,
		Message: "The container number {number} has no name, which ECS requires.",
		Fix:     nameRule}
	nameInvalid = finding.Template{Code: "name-invalid", Severity: finding.Error,
		Message: "The container number {number} has a name that ECS refuses.",
		Fix:     nameRule}
	nameTwice = finding.Template{Code: "name-used-twice", Severity: finding.Error,
		Message: "The {container} has the same name as another container, which ECS refuses.",
		Fix:     "Give each container its own name."}

	noContainer = finding.Template{Code: "containers-missing", Severity: finding.Error,
		Message: "The task definition has no container.",
		Fix:     "Add one to containerDefinitions."}
	noEssential = finding.Template{Code: "containers-missing", Severity: finding.Error,
		Message: "No container is essential, and ECS requires at least one.",
		Fix:     "Set essential to true for the container that the task is for."}
	memoryMissing = finding.Template{Code: "memory-missing", Severity: finding.Error,
		Message: "The {container} has neither memory nor memoryReservation, and the task definition has no memory.",
		Fix:     "Set memory or memoryReservation, in MiB."}
	memoryReserved = finding.Template{Code: "memory-missing", Severity: finding.Error,
		Message: "The {container} reserves more memory than it may have.",
		Fix:     "Set memory to at least memoryReservation."}
	memoryTogether = finding.Template{Code: "memory-missing", Severity: finding.Error,
		Message: "The containers reserve {reserved} of memory together, and the task has {whole}.",
		Fix:     "Raise the task's memory, or lower that of its containers."}
	fargateSizeMissing = finding.Template{Code: "fargate-size-invalid", Severity: finding.Error,
		Message: "Fargate requires cpu and memory of the whole task, and one of them is missing.",
		Fix:     fargatePairs}
	fargateSizeInvalid = finding.Template{Code: "fargate-size-invalid", Severity: finding.Error,
		Message: "Fargate doesn't offer this cpu with this memory.",
		Fix:     fargatePairs}
	fargateConstraints = finding.Template{Code: "fargate-field-unsupported", Severity: finding.Error,
		Message: "The task definition has placementConstraints, which Fargate doesn't support.",
		Fix:     notOnFargate}
	fargateVolume = finding.Template{Code: "fargate-field-unsupported", Severity: finding.Error,
		Message: "A volume of the task definition is a path of the host or a Docker volume, which Fargate doesn't support.",
		Fix:     "Leave host.sourcePath and dockerVolumeConfiguration out, or use an EFS or EBS volume."}
	fargateFields = finding.Template{Code: "fargate-field-unsupported", Severity: finding.Error,
		Message: "The {container} has {fields}, which Fargate doesn't support.",
		Fix:     notOnFargate}
	fargateNetwork = finding.Template{Code: "network-mode-invalid", Severity: finding.Error,
		Message: "Fargate supports no other networkMode than awsvpc.",
		Fix:     "Set networkMode to awsvpc."}
	linksUnsupported = finding.Template{Code: "network-mode-invalid", Severity: finding.Error,
		Message: "The {container} has links, which ECS supports only in the network mode bridge.",
		Fix:     "Remove links. In awsvpc, containers reach each other at localhost."}
	portInvalid = finding.Template{Code: "port-mapping-invalid", Severity: finding.Error,
		Message: "The {container} maps a port that isn't between 0 and 65535.",
		Fix:     "Write ports from 1 to 65535. With a hostPort of 0, Docker chooses one."}
	portsDiffer = finding.Template{Code: "port-mapping-invalid", Severity: finding.Error,
		Message: "The {container} maps its port {port} to the host port {host}, but in the network mode {mode} the two must be the same.",
		Fix:     "Leave hostPort out."}
	volumeUnknown = finding.Template{Code: "volume-unknown", Severity: finding.Error,
		Message: "The {container} mounts a sourceVolume that the task definition doesn't have in volumes.",
		Fix:     "Add the volume to volumes, or correct the name."}
	volumesFromUnknown = finding.Template{Code: "volume-unknown", Severity: finding.Error,
		Message: "The {container} takes volumes from a container that the task definition doesn't have.",
		Fix:     "Correct sourceContainer in volumesFrom."}
	dependencyUnknown = finding.Template{Code: "dependency-unknown", Severity: finding.Error,
		Message: "The {container} depends on a container that the task definition doesn't have.",
		Fix:     "Correct containerName in dependsOn."}
	dependsOnItself = finding.Template{Code: "dependency-unmet", Severity: finding.Error,
		Message: "The {container} depends on itself.",
		Fix:     "Remove it from dependsOn."}
	neverHealthy = finding.Template{Code: "dependency-unmet", Severity: finding.Error,
		Message: "The {container} waits until the {other} is healthy, but that one has no healthCheck.",
		Fix:     "Give that container a healthCheck, or write another condition."}
	endsTheTask = finding.Template{Code: "dependency-unmet", Severity: finding.Error,
		Message: "The {container} waits until the {other} has ended, but that one is essential, so its end stops the task.",
		Fix:     "Set essential of that container to false, or write the condition START or HEALTHY."}
	variableTwice = finding.Template{Code: "variable-defined-twice", Severity: finding.Error,
		Message: "The variable {variable} of the {container} is in both environment and secrets, which ECS refuses.",
		Fix:     "Keep it in one of them."}

	logDriverMissing = finding.Template{Code: "log-configuration-invalid", Severity: finding.Error,
		Message: "The logConfiguration of the {container} has no logDriver.",
		Fix:     "Name the log driver, such as awslogs."}
	logDriverUnknown = finding.Template{Code: "log-configuration-invalid", Severity: finding.Error,
		Message: "The {container} has a logDriver that ECS doesn't know.",
		Fix:     "Correct it. The log drivers are listed under LogConfiguration in the ECS API reference."}
	logDriverOnFargate = finding.Template{Code: "log-configuration-invalid", Severity: finding.Error,
		Message: "The {container} has a logDriver that Fargate doesn't support.",
		Fix:     "Write awslogs, splunk or awsfirelens."}
	routerMissing = finding.Template{Code: "firelens-router-missing", Severity: finding.Error,
		Message: "The {container} logs with awsfirelens, but no container has a firelensConfiguration.",
		Fix:     "Add a log router: a container with firelensConfiguration, such as public.ecr.aws/aws-observability/aws-for-fluent-bit."}
	logGroupMissing = finding.Template{Code: "log-configuration-invalid", Severity: finding.Error,
		Message: "The logConfiguration of the {container} has no awslogs-group.",
		Fix:     "Name the log group in options."}
	logOptionMissing = finding.Template{Code: "log-configuration-invalid", Severity: finding.Error,
		Message: "The logConfiguration of the {container} has no {option}, which Fargate requires.",
		Fix:     "Set {option} in options."}

	roleOfOtherKind = finding.Template{Code: "role-invalid", Severity: finding.Error,
		Message: "The field {field} is the ARN of {kind}, not of a role.",
		Fix:     nameRole}
	roleMalformed = finding.Template{Code: "role-invalid", Severity: finding.Error,
		Message: "The field {field} is not the ARN of a role, which has an account id of 12 digits and a name of at most 64 characters.",
		Fix:     nameRole}
	roleInvalid = finding.Template{Code: "role-invalid", Severity: finding.Error,
		Message: "The field {field} is neither the ARN nor the name of a role.",
		Fix:     nameRole}

	windowsFields = finding.Template{Code: "windows-field-unsupported", Severity: finding.Warning,
		Message: "The {container} has {fields}, which Windows containers don't support.",
		Fix:     "Remove these fields."}
	windowsTaskFields = finding.Template{Code: "windows-field-unsupported", Severity: finding.Warning,
		Message: "The task definition has {fields}, which Windows doesn't support.",
		Fix:     "Remove these fields. Leave networkMode out, or write awsvpc."}
	windowsPortTaken = finding.Template{Code: "windows-host-port-80", Severity: finding.Error,
		Message: "The {container} takes port 80 of the instance, on which the agent of a Windows instance serves the task role of this definition. One of them fails.",
		Fix:     otherPort}
	windowsPortUnplaced = finding.Template{Code: "windows-host-port-80", Severity: finding.Info,
		Message: "The {container} takes port 80 of the instance, so ECS doesn't place it on Windows instances that serve task roles (-EnableTaskIAMRole).",
		Fix:     otherPort}
	windowsTaskRole = finding.Template{Code: "windows-task-role-missing", Severity: finding.Warning,
		Message: "The {container} runs the script that makes the task role available, but the task definition has no taskRoleArn.",
		Fix:     "Name the role in taskRoleArn, or give it as an override when you run the task."}
)

const (
	nameRule     = "Use 1 to 255 letters, digits, hyphens and underscores."
	fargatePairs = `Take one of the pairs in "Task CPU and memory": 256 (.25 vCPU) goes with 512, 1024 or 2048 MiB.`
	notOnFargate = "Remove it, or remove FARGATE from requiresCompatibilities."
	nameRole     = "Write the role's ARN, arn:aws:iam::ACCOUNT:role/NAME, or its name."
	otherPort    = "Take another host port, or none, and let a load balancer listen on port 80."
)
