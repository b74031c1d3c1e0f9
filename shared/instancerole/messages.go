package instancerole

import "github.com/ecs-guardrails/ecs-guardrails/shared/finding"

// How the messages about a missing capability begin, and the fixes that several have.
const (
	lacks           = "The role {role} can't call {actions}, which the capability {capability} of an {kind} needs"
	makeRoom        = `Detach policies that the role does not need, merge some into one, or raise IAM's quota "Managed policies attached to an IAM role".`
	resumeLook      = `Nothing. If the role stays in use, invoke the function with {"role": {quoted}}.`
	removeTag       = "Remove the tag {tag} to have the role looked after again."
	correctTrust    = `Run: aws iam update-assume-role-policy --role-name {name} --policy-document '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":{principal}},"Action":"sts:AssumeRole"}]}'`
	meetCondition   = "Make sure that instances meet the condition on {keys}; then tag the role {tag}=true."
	listAttachments = "aws iam list-attached-role-policies --role-name {name}"
)

// What the findings about calls, and about roles that are left alone, say.
var (
	callFailed = finding.Template{Code: "call-failed", Severity: finding.Info,
		Message: "The call {call} failed ({failure}) and changed nothing."}
	callOwn = finding.Template{Code: "call-own", Severity: finding.Info,
		Message: "ECS Guardrails itself made the call {call}."}
	notDefault = finding.Template{Code: "policy-version-not-default", Severity: finding.Info,
		Message: "The new version of {policy} is not its default, so no role can do anything else than before."}
	roleDeleted = finding.Template{Code: "subject-gone", Severity: finding.Info,
		Message: "The role was deleted."}
	roleOwn = finding.Template{Code: "role-own", Severity: finding.Info,
		Message: "The role is one of ECS Guardrails' own, which the function never changes."}
	noProfileNamed = finding.Template{Code: "instance-profile-missing", Severity: finding.Info,
		Message: "The call {call} names no instance profile."}

	profileEmpty = finding.Template{Code: "instance-profile-empty", Severity: finding.Info,
		Message: "The instance profile {profile} holds no role."}
	ofOtherAccount = finding.Template{Code: "subject-in-other-account", Severity: finding.Info,
		Message: "The role belongs to the account {account}, and this function works in {here}."}
	serviceLinked = finding.Template{Code: "role-service-linked", Severity: finding.Info,
		Message: "The role {role} is a service-linked one, which belongs to its service."}
	reserved = finding.Template{Code: "role-reserved", Severity: finding.Info,
		Message: "The role {role} belongs to IAM Identity Center, which would undo every change."}
	ignored = finding.Template{Code: "role-ignored", Severity: finding.Info,
		Message: "The role {role} has the tag {tag}."}
	otherTrust = finding.Template{Code: "role-not-for-instances", Severity: finding.Info,
		Message: "The trust policy of {role} names neither ec2.amazonaws.com nor ssm.amazonaws.com."}
	noSignOfECS = finding.Template{Code: "role-not-for-instances", Severity: finding.Info,
		Message: "Nothing says that {role} is for ECS instances: its name does not match {pattern}, it has no tag " + instanceRoleTag + "=true, and no instance that runs ECS was seen with it."}
	otherServices = finding.Template{Code: "role-not-for-instances", Severity: finding.Info,
		Message: "The role {role} is called like an instance role, but its trust policy is for other services: {principals}."}
	otherName = finding.Template{Code: "role-not-for-instances", Severity: finding.Info,
		Message: "The {instance} of the role {role} runs an ECS-optimized image, but by its name it is for something else, and its user data doesn't set ECS up."}
	otherUse = finding.Template{Code: "role-for-other-purpose", Severity: finding.Info,
		Message: "The role {role} is for {purpose}, by the policies that are attached to it."}
)

// What the findings about instances say.
var (
	notOfECS = finding.Template{Code: "instance-profile-missing", Severity: finding.Info,
		Message: "The instance {instance} has no instance profile, and nothing says that it runs ECS."}
	instanceGone = finding.Template{Code: "instance-profile-missing", Severity: finding.Info,
		Message: "The instance {instance} was launched without an instance profile, and is gone."}
	profileGiven = finding.Template{Code: "instance-profile-missing", Severity: finding.Info,
		Message: "The instance {instance} has got an instance profile since its launch."}
	forOtherUse = finding.Template{Code: "instance-profile-missing", Severity: finding.Info,
		Message: "The instance {instance} runs an ECS-optimized image without an instance profile, but its name says that it is for something else."}
	profileMissing = finding.Template{Code: "instance-profile-missing", Severity: finding.Error,
		Message: "The instance {instance} has no instance profile, although {why}. The agent gets no credentials and can't join a cluster.",
		Fix:     "Run: aws ec2 associate-iam-instance-profile --instance-id {name} --iam-instance-profile Name=ecsInstanceRole. Name the profile in the launch template as well."}
	secretInUserData = finding.Template{Code: "secret-in-user-data", Severity: finding.Error,
		Message: "The user data of the instance {instance}, which runs under {role}, holds a secret ({variable}). Everything on the instance can read it, and everyone who may describe the instance.",
		Fix:     "Keep it in ecs.config in the private config bucket or in Secrets Manager, take it out of the user data and the launch template, and replace it: treat it as leaked."}
)

// What the findings about a role's trust policy say.
var (
	trustUnreadable = finding.Template{Code: "trust-policy-unreadable", Severity: finding.Error,
		Message: "Can't tell who may assume the role {role}: {reason}.",
		Fix:     "Write the role's trust policy again, with aws iam update-assume-role-policy."}
	trustsOthers = finding.Template{Code: "trust-wrong-service", Severity: finding.Error,
		Message: "No instance can use the role {role}: its trust policy lets {principals} assume it, and not ec2.amazonaws.com. Instances get no credentials and don't join a cluster.",
		Fix:     correctTrust}
	trustExcludes = finding.Template{Code: "trust-wrong-service", Severity: finding.Error,
		Message: "No instance can use the role {role}: the condition on {keys} in its trust policy excludes {service} of the account {account}.",
		Fix:     correctTrust}
	// trustTooWide gets a severity for the principals.
	trustTooWide = finding.Template{Code: "trust-too-wide", Severity: finding.Error,
		Message: "The trust policy of {role} lets others than instances assume the role: {principals}. They can act as a container instance.",
		Fix:     correctTrust}
	trustTooWideToAttach = finding.Template{Code: "trust-too-wide", Severity: finding.Error,
		Message: "The trust policy of {role} lets others than instances assume the role: {principals}. So nothing is attached, although its instances need {actions}.",
		Fix:     correctTrust}
)

// What the findings about something that a role can't do say.
var (
	noneApproved = finding.Template{Code: "approved-policy-missing", Severity: finding.Error,
		Message: lacks + ". No approved policy that isn't attached already gives it.",
		Fix:     `Add a statement to a policy of the role {name}: {"Effect":"Allow","Action":[{granted}],"Resource":[{resources}]}`}
	quotaReached = finding.Template{Code: "policy-quota-reached", Severity: finding.Error,
		Message: lacks + ". It has {count} of the {most} that it can have, which leaves no room for another.",
		Fix:     makeRoom}
	quotaFilled = finding.Template{Code: "policy-quota-reached", Severity: finding.Error,
		Message: "The role {role} has as many managed policies as it can have, which leaves no room for {policy}.",
		Fix:     makeRoom}
	policyGone = finding.Template{Code: "policy-gone", Severity: finding.Error,
		Message: "The policy {policy}, which the settings name, does not exist or cannot be attached.",
		Fix:     "Correct the setting, or deploy the stack's policies again."}
	detachedRepeatedly = finding.Template{Code: "policy-detached-repeatedly", Severity: finding.Error,
		Message: lacks + ". What gives it was attached again {times} within 30 days and detached each time, so nothing more is attached.",
		Fix:     "Find who detaches the policy (CloudTrail, DetachRolePolicy), or tag the role {tag}=true."}
	declinedByOwner = finding.Template{Code: "policy-declined-by-owner", Severity: finding.Error,
		Message: lacks + ". The role's owner took it off ({call} at {since}), so nothing is attached.",
		Fix:     `Nothing, if the role is going out of use. Otherwise {patches}. Or invoke the function with {"role": {quoted}}.`}
	detachedByUnknown = finding.Template{Code: "policy-detached", Severity: finding.Error,
		Message: lacks + ". Somebody detached {policies}, which this function had attached. It doesn't know yet who did it, so it attaches nothing now.",
		Fix:     `Wait. If no event shows by {moment} that the role's owner did it, the next check attaches the policy again. To attach it now, invoke the function with {"role": {quoted}}.`}
	detachedInDryRun = finding.Template{Code: "policy-detached", Severity: finding.Error,
		Message: lacks + ". Somebody detached {policies}, which this function had attached.",
		Fix:     `Find out who did it. In enforce mode, the function attaches the policy again {wait} after a check has found this, unless an event shows that the role's owner did it.`}
	missing = finding.Template{Code: "capability-missing", Severity: finding.Error,
		Message: lacks + ".",
		Fix:     "Attach {policies}."}
	// missingInSource gets the patch for the role's source, too.
	missingInSource = finding.Template{Code: "capability-missing", Severity: finding.Error,
		Message: lacks + ".",
		Fix:     "The attachment is a loan, since {owner} manages the role."}
	deniedByBoundary = finding.Template{Code: "action-denied-by-boundary", Severity: finding.Error,
		Message: "The permissions boundary {boundary} does not allow {role} to call {actions}.",
		Fix:     "Allow these actions in the boundary, or give the role another one."}
	deniedByPolicy = finding.Template{Code: "action-denied-by-policy", Severity: finding.Error,
		Message: "A statement of {policies} denies {actions} to {role}, which no attached policy can change.",
		Fix:     "Take these actions out of the statement that denies them."}
	deniedByOrganization = finding.Template{Code: "action-denied-by-organization", Severity: finding.Warning,
		Message: "A policy of the organization may deny {actions} to {role}. IAM's simulator doesn't tell under which conditions, so whether instances are denied can't be known.",
		Fix:     "Make sure that the service control policies above the account allow these actions to instances; if they do under a condition that instances meet, nothing is wrong."}
	conditional = finding.Template{Code: "action-conditional", Severity: finding.Warning,
		Message: "A policy of the role makes {actions} of {role} depend on {keys}, which is known only when an instance makes the call.",
		Fix:     meetCondition}
	conditionalOrBounded = finding.Template{Code: "action-conditional", Severity: finding.Warning,
		Message: "A policy of the role, or its permissions boundary, makes {actions} of {role} depend on {keys}, which is known only when an instance makes the call.",
		Fix:     meetCondition}
	scoped = finding.Template{Code: "capability-scoped", Severity: finding.Info,
		Message: "A policy of {role} allows {actions} on single resources only. Whether they are those that its instances use wasn't judged."}
	partial = finding.Template{Code: "capability-partial", Severity: finding.Info,
		Message: "Instances of {role} work, and do without: {lost}."}
	tagsFull = finding.Template{Code: "role-tags-full", Severity: finding.Error,
		Message: "Nothing is attached to {role}, because no tag can record it: {problem}.",
		Fix:     "Remove tags from the role {name}, or run: aws iam attach-role-policy --role-name {name} --policy-arn {policy}"}

	policyRetired = finding.Template{Code: "policy-retired", Severity: finding.Warning,
		Message: "The role {role} has AmazonEC2RoleforSSM, which AWS retired. It reads and writes every bucket of the account.",
		Fix:     "Attach AmazonSSMManagedInstanceCore, then detach AmazonEC2RoleforSSM."}
	noConfigBucket = finding.Template{Code: "config-bucket-unset", Severity: finding.Warning,
		Message: "The role {role} should be able to read ecs.config, but the settings name no config bucket, so that wasn't judged.",
		Fix:     "Set CONFIG_BUCKET, or take config out of the role's capabilities."}
	capabilityOff = finding.Template{Code: "capability-off", Severity: finding.Warning,
		Message: "AWS refused {action} to an instance with the role {role}. It belongs to the capability {capability}, which the role isn't to have, so nothing is attached.",
		Fix:     "Add {capability} to the parameter Capabilities, and to the role's tag " + capabilitiesTag + " if it has one. Or grant {action} in the role's source."}
	capabilityUnknown = finding.Template{Code: "capability-unknown", Severity: finding.Warning,
		Message: "The tag " + capabilitiesTag + " of {role} has words that name no capability: {words}.",
		Fix:     "Write capabilities separated by spaces ({capabilities}), or none."}
	mayTrunk = finding.Template{Code: "role-for-trunking", Severity: finding.Info,
		Message: "The role {role} may turn on awsvpcTrunking for itself ({action}). The AWS guide advises two instance roles, one of them with trunking and for the tasks that need it."}
)

// What the findings about loans say.
var (
	returnedLate = finding.Template{Code: "loan-returned", Severity: finding.Warning,
		Message: "The owner of {role} detached {policies}, and the event of that came after it was attached again, so it is taken back.",
		Fix:     resumeLook}
	returnedToOwner = finding.Template{Code: "loan-returned", Severity: finding.Info,
		Message: "The owner of {role} now grants what {policies} gave, so the loan ends."}
	returnedAtEnd = finding.Template{Code: "loan-returned", Severity: finding.Warning,
		Message: "The role {role} is going out of use ({call}), so what was attached is taken back: {policies}.",
		Fix:     resumeLook}
	stillUsed = finding.Template{Code: "role-still-used", Severity: finding.Info,
		Message: "The role {role} was taken out of an instance profile, and is still in {profiles}."}
	usedWithoutProfile = finding.Template{Code: "role-still-used", Severity: finding.Info,
		Message: "The role {role} was taken out of an instance profile. External instances can use it without one."}
	nothingLent = finding.Template{Code: "loan-absent", Severity: finding.Info,
		Message: "The role {role} is going out of use, and this stack attached nothing to it."}
	nothingLeft = finding.Template{Code: "loan-absent", Severity: finding.Info,
		Message: "The role {role} is going out of use, and nothing that this stack attached is left on it."}
	undone = finding.Template{Code: "undo-done", Severity: finding.Warning,
		Message: "What was attached to {role} is taken back as asked ({policies}), and the role is left alone from now on.",
		Fix:     removeTag}
	undoneBefore = finding.Template{Code: "undo-done", Severity: finding.Warning,
		Message: "What was attached to {role} ({policies}) is not attached any more, and the role is left alone.",
		Fix:     removeTag}
	nothingToUndo = finding.Template{Code: "undo-absent", Severity: finding.Warning,
		Message: "Nothing was taken back from {role}: {why}. Its tags stay as they are.",
		Fix:     "Ask the stack that attached it, or run: " + listAttachments}
	unclearToUndo = finding.Template{Code: "undo-absent", Severity: finding.Warning,
		Message: "The record of {role} names {capabilities} without a policy. What gives it stays attached, since someone else may have attached it.",
		Fix:     "Run: " + listAttachments + ", and detach what is not needed."}
)
