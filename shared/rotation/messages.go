package rotation

import (
	"fmt"
	"strings"
	"time"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
)

// What the findings about a request, and about whether a step may begin, say.
var (
	noSecretNamed = finding.Template{Code: "request-malformed", Severity: finding.Error,
		Message: "The field secret is not a secret's ARN or name.",
		Fix:     "Send one as in events/rotate-review-secret.json."}
	noSecretOrVersion = finding.Template{Code: "request-malformed", Severity: finding.Error,
		Message: "SecretId is not a secret's ARN or name, or ClientRequestToken is not a version's id.",
		Fix:     "Send what Secrets Manager sends, as in events/rotate-create-secret.json."}
	stepUnknown = finding.Template{Code: "step-unknown", Severity: finding.Error,
		Message: "The step is not one of the four steps of a rotation.",
		Fix:     "Send createSecret, setSecret, testSecret or finishSecret."}
	notManaged = finding.Template{Code: "secret-not-managed", Severity: finding.Info,
		Message: "The secret has no tag " + DriverTag + "."}

	rotationDisabled = finding.Template{Code: "rotation-disabled", Severity: finding.Error,
		Message: "Rotation isn't enabled for the secret, so the step changes nothing.",
		Fix:     "Enable it with aws secretsmanager rotate-secret."}
	versionUnknown = finding.Template{Code: "version-unknown", Severity: finding.Error,
		Message: "The secret has no version with the id that the step names.",
		Fix:     "Let Secrets Manager make the call: aws secretsmanager rotate-secret creates the version."}
	versionNotPending = finding.Template{Code: "version-not-pending", Severity: finding.Error,
		Message: "The version that the step names doesn't have AWSPENDING, so it must not become the current one.",
		Fix:     "Rotate the secret again. If another version has AWSPENDING, remove it there with aws secretsmanager update-secret-version-stage."}
	currentMissing = finding.Template{Code: "current-missing", Severity: finding.Error,
		Message: "The secret has no current version, so there is no credential to replace.",
		Fix:     "Write the credential that works today with aws secretsmanager put-secret-value."}
	rotatedElsewhere = finding.Template{Code: "rotated-by-another", Severity: finding.Error,
		Message: "Another function rotates the secret: {function}.",
		Fix:     "Give the secret this function with aws secretsmanager rotate-secret --rotation-lambda-arn, or remove the tag " + DriverTag + "."}
	resourceGone = finding.Template{Code: "resource-gone", Severity: finding.Error,
		Message: "Something that the step needs doesn't exist: {why}.",
		Fix:     "Check that everything exists that the secret's tags and the function's settings name. Then rotate again."}
	notInDryRun = finding.Template{Code: "rotation-dry-run", Severity: finding.Error,
		Message: "The function is off or in dry-run mode, so the step isn't done and the password stays as it is.",
		Fix:     "Set the function's mode to enforce."}
)

// What the findings about the secret's tags say.
var (
	registryUntagged = finding.Template{Code: "tag-missing", Severity: finding.Error,
		Message: "No tag says which registry the secret is for.",
		Fix:     "Tag the secret " + RegistryTag + "=HOST, with a host such as registry.example.com or docker.io."}
	registryMalformed = finding.Template{Code: "tag-malformed", Severity: finding.Error,
		Message: "The tag " + RegistryTag + " names no registry: {why}.",
		Fix:     "Write the host as in the images' names, with its port if it has one."}
	driverUntagged = finding.Template{Code: "tag-missing", Severity: finding.Error,
		Message: "No tag says how to change the registry's passwords.",
		Fix:     "Tag the secret " + DriverTag + " with one of: {drivers}."}
	driverUnknown = finding.Template{Code: "driver-unknown", Severity: finding.Error,
		Message: "The tag " + DriverTag + " names no driver of this function.",
		Fix:     "Write one of: {drivers}."}
	imageMalformed = finding.Template{Code: "tag-malformed", Severity: finding.Error,
		Message: "The tag " + ImageTag + " can't be used: {why}.",
		Fix:     "Name an image of the registry that the credential may pull, or remove the tag."}
	administratorMalformed = finding.Template{Code: "tag-malformed", Severity: finding.Error,
		Message: "The tag " + AdminTag + " names no secret.",
		Fix:     "Write the secret's ARN or name."}
	administersSelf = finding.Template{Code: "tag-malformed", Severity: finding.Error,
		Message: "The tag " + AdminTag + " names the secret itself. A rotation would replace the administrator's password in it.",
		Fix:     "Keep the administrator's credential in another secret."}
	maintenanceMalformed = finding.Template{Code: "tag-malformed", Severity: finding.Error,
		Message: "The tag " + MaintenanceTag + " must be in-place, and is only for drivers with two accounts.",
		Fix:     "Remove the tag, or write in-place."}
	graceMalformed = finding.Template{Code: "tag-malformed", Severity: finding.Error,
		Message: "The tag " + GraceTag + " is not a length of time: {why}.",
		Fix:     "Write hours or days, as in 36h or 7d."}
	graceFollowed = finding.Template{Code: "tag-malformed", Severity: finding.Error,
		Message: "The tag " + GraceTag + ` has something other than "` + hard + `" after its time.`,
		Fix:     "Write hours or days, as in 36h, or with hard after them, as in 36h hard."}
	expiryMalformed = finding.Template{Code: "tag-malformed", Severity: finding.Error,
		Message: "The tag " + ExpiresTag + " is not a date.",
		Fix:     "Write the day on which the credential ends, as in 2027-01-31, or the time, as in 2027-01-31T12:00:00Z. Or remove the tag."}
	configsMalformed = finding.Template{Code: "tag-malformed", Severity: finding.Error,
		Message: "The tag " + ConfigTag + " can't be read: {why}.",
		Fix:     "Write s3://bucket/key or s3://bucket/prefix/*, with spaces between them, and =CLUSTER after each if REFRESH_INSTANCES is cluster."}
)

const (
	secretShapeFix = `Write it as {"username": "…", "password": "…"} with aws secretsmanager put-secret-value. A secret of ECR's pull-through cache has "accessToken" instead of "password".`
	// administratorShape is the fix of an administrator's secret that can't be read,
	// administratorList that of one which isn't for the secret.
	administratorShape = `Correct the tag, or write the secret as {"url": "https://…", "username": "…", "password": "…", "secrets": ["…"]}, or with "token" instead of "username" and "password".`
	administratorList  = `Have the administrator's owner add {secret} to "secrets" in it, or the beginning of the name followed by *. Or correct the tag.`
	// administratorSecret begins what is said about it.
	administratorSecret = "The administrator's secret, which the tag " + AdminTag + " names, "
)

// What the findings about values of secrets say.
var (
	currentEmpty = finding.Template{Code: "secret-shape", Severity: finding.Error,
		Message: "The current version of the secret has no value.",
		Fix:     secretShapeFix}
	versionBinary = finding.Template{Code: "secret-shape", Severity: finding.Error,
		Message: "A version of the secret is binary, which ECS can't read.",
		Fix:     secretShapeFix}
	currentUnreadable = finding.Template{Code: "secret-shape", Severity: finding.Error,
		Message: "The current version of the secret can't be read: {why}.",
		Fix:     secretShapeFix}
	driverNeeds = finding.Template{Code: "driver-needs", Severity: finding.Error,
		Message: "The driver {driver} can't work: {why}.",
		Fix:     "Correct that. The function's README lists what each driver needs."}
	pendingForeign = finding.Template{Code: "pending-differs", Severity: finding.Error,
		Message: "This rotation didn't make the new version of the secret: {why}.",
		Fix:     "Find out who wrote it. Then remove AWSPENDING from that version with aws secretsmanager update-secret-version-stage, and rotate again."}
	pendingUser = finding.Template{Code: "pending-differs", Severity: finding.Error,
		Message: "The new version of the secret isn't for the standby user.",
		Fix:     pendingForeign.Fix}
	pendingFields = finding.Template{Code: "pending-differs", Severity: finding.Error,
		Message: "The new version of the secret differs from the current one in more than its credential, as if it were for another registry.",
		Fix:     pendingForeign.Fix}
	pendingSame = finding.Template{Code: "pending-differs", Severity: finding.Error,
		Message: "The new version of the secret holds the current credential, so nothing would change.",
		Fix:     pendingForeign.Fix}
	pendingEmpty = finding.Template{Code: "pending-empty", Severity: finding.Error,
		Message: "The pending version of the secret has no value, so it can't become the current one and loses AWSPENDING.",
		Fix:     "Correct what createSecret reported, and rotate again."}
	versionLocked = finding.Template{Code: "version-locked", Severity: finding.Warning,
		Message: "The values of older versions can't be decrypted, so their tokens can't be compared with the current one and keep working: {tokens}.",
		Fix:     "Allow the function again to use the key that the versions were encrypted with. If that key is gone, revoke the tokens at the registry."}

	administratorMissing = finding.Template{Code: "administrator-missing", Severity: finding.Error,
		Message: administratorSecret + "does not exist or has no value.",
		Fix:     administratorShape}
	administratorUnreadable = finding.Template{Code: "administrator-shape", Severity: finding.Error,
		Message: administratorSecret + `is not a JSON object with text values and a list of text under "secrets".`,
		Fix:     administratorShape}
	administratorIncomplete = finding.Template{Code: "administrator-shape", Severity: finding.Error,
		Message: administratorSecret + `has neither a "password" nor a "token".`,
		Fix:     administratorShape}
	administratorFederated = finding.Template{Code: "administrator-shape", Severity: finding.Error,
		Message: administratorSecret + `has a password or a token beside "federated": true, which needs none.`,
		Fix:     `Take the password out of it, and revoke it at the registry; or take "federated" out.`}
	administratorUnlisted = finding.Template{Code: "administrator-unlisted", Severity: finding.Error,
		Message: administratorSecret + `doesn't list under "secrets" which secrets it is for, so it is for none.`,
		Fix:     administratorList}
	administratorForOthers = finding.Template{Code: "administrator-for-others", Severity: finding.Error,
		Message: administratorSecret + `is not for the secret {secret}: it is not under "secrets" there.`,
		Fix:     administratorList}
)

// What the findings about the registry's answers say.
var (
	registryAPI = finding.Template{Code: "registry-api", Severity: finding.Error,
		Message: "A call to the registry's API failed: {problem}.",
		Fix:     "Check the call in the registry's log. The current credential is untouched."}
	administratorRefused = finding.Template{Code: "administrator-refused", Severity: finding.Error,
		Message: registryAPI.Message,
		Fix:     "Give the administrator, whose secret the tag " + AdminTag + " names, the rights that the function's README lists for the driver."}
	apiMisplaced = finding.Template{Code: "api-misplaced", Severity: finding.Error,
		Message: registryAPI.Message,
		Fix:     `Correct "url" in the administrator's secret: the address of the registry's API, with the path before /api if it has one.`}
	accountMissing = finding.Template{Code: "account-missing", Severity: finding.Error,
		Message: registryAPI.Message,
		Fix: "Make the account, or correct the secret's tags. Of two accounts that take turns, the second has the first one's name with _clone at the end. " +
			"If there can be only one, the tag " + MaintenanceTag + "=in-place has its password replaced while it is in use. Pulls then fail until the new one is everywhere."}

	loginRefused = finding.Template{Code: "login-refused", Severity: finding.Error,
		Message: "The login to the registry failed: {problem}.",
		Fix: "The current credential is untouched. Check that the registry has read what the driver wrote, and that the account may pull the test image. " +
			"If the new credential can't work, its version loses AWSPENDING, and the next rotation starts with another one."}
	registryMissing = finding.Template{Code: "image-missing", Severity: finding.Error,
		Message: loginRefused.Message,
		Fix:     "Name in the tag " + ImageTag + " an image that exists, and in " + RegistryTag + " a registry that serves /v2/."}
	registryUnsafe = finding.Template{Code: "registry-unsafe", Severity: finding.Error,
		Message: loginRefused.Message,
		Fix:     "Name the registry's own https address in the tag " + RegistryTag + "."}
	registryOpen = finding.Template{Code: "registry-open", Severity: finding.Error,
		Message: "The registry is open to everyone: {problem}.",
		Fix:     "Have the registry ask for a credential. Until then everyone can pull from it."}
	registryAnswer = finding.Template{Code: "registry-answer", Severity: finding.Error,
		Message: loginRefused.Message,
		Fix:     "Check that {registry} is a registry with version 2 of the distribution API."}
	currentRefused = finding.Template{Code: "current-refused", Severity: finding.Error,
		Message: "The registry {registry} refuses the current credential, so no other one is changed, ended or replaced in a file: {why}.",
		Fix:     "Write a credential that works with aws secretsmanager put-secret-value. Find out who changed the password, and whether a second secret rotates the same accounts."}

	testImageMissing = finding.Template{Code: "image-missing", Severity: finding.Error,
		Message: "The current credential doesn't get the manifest of the test image: {why}.",
		Fix:     "Name in the tag " + ImageTag + " an image that exists and that the credential may pull."}
	testImageDenied = finding.Template{Code: "login-refused", Severity: finding.Error,
		Message: testImageMissing.Message,
		Fix:     testImageMissing.Fix}
	accountDisabled = finding.Template{Code: "account-disabled", Severity: finding.Error,
		Message: "The {role} account is disabled at the registry.",
		Fix:     "Enable it there."}
	accountRights = finding.Template{Code: "account-rights", Severity: finding.Error,
		Message: "The {role} account can log in at the registry, but has no right to pull.",
		Fix:     "Give it the same permissions as the other account."}
	credentialEnds = finding.Template{Code: "credential-ends", Severity: finding.Warning,
		Message: "The {credential} ends on {end}.",
		Fix:     "Extend it at the registry, or rotate to one that lasts longer. The function's README says how for each driver."}
	credentialEndsEarly = finding.Template{Code: "credential-ends", Severity: finding.Error,
		Message: "The {credential} ends on {end}. It is needed until {needed} at least.",
		Fix:     credentialEnds.Fix}
	credentialEnded = finding.Template{Code: "credential-ends", Severity: finding.Error,
		Message: "The {credential} ended on {end}.",
		Fix:     credentialEnds.Fix}
	credentialAwaited = finding.Template{Code: "credential-awaited", Severity: finding.Warning,
		Message: "The next rotation is due by {due}, and there is no new credential for it.",
		Fix:     "Make a new token at the registry, and write it into the secret that the tag " + AdminTag + " names."}
	tokensMayBeFull = finding.Template{Code: "token-limit-reached", Severity: finding.Warning,
		Message: "The registry has {tokens}, counting expired ones. One of its subscriptions allows no more, so the next rotation may get none.",
		Fix:     "Delete tokens that have expired or that nothing uses. A rotation needs room for one."}
	tokensFull = finding.Template{Code: "token-limit-reached", Severity: finding.Error,
		Message: "The registry has {tokens}, counting expired ones. No subscription allows more, so the next rotation gets none.",
		Fix:     tokensMayBeFull.Fix}
)

// What the findings about the steps of a rotation say.
var (
	alreadyPending = finding.Template{Code: "version-already-pending", Severity: finding.Info,
		Message: "The pending version already has its credential."}
	alreadyCurrent = finding.Template{Code: "rotation-already-done", Severity: finding.Info,
		Message: "The version is already the current one, so this step has nothing left to do."}
	alreadyChanged = finding.Template{Code: "rotation-already-done", Severity: finding.Info,
		Message: "The version is already the current one, and the previous one isn't its predecessor, so there is nothing left to do."}
	alreadyFinished = finding.Template{Code: "rotation-already-done", Severity: finding.Info,
		Message: "The version is already the current one, and every listed file has its credential."}
	alreadySet = finding.Template{Code: "credential-already-set", Severity: finding.Info,
		Message: "The registry {registry} already accepts the new credential."}
	notActiveYet = finding.Template{Code: "credential-not-active-yet", Severity: finding.Info,
		Message: "The registry {registry} doesn't accept the new credential yet. The step testSecret waits for it."}
	tooSoon = finding.Template{Code: "rotation-too-soon", Severity: finding.Error,
		Message: "The standby account holds the previous credential, which must work until {end}. A rotation would end it.",
		Fix:     "Rotate after that time. If nothing uses the previous credential any more, or if it leaked, tag the secret " + GraceTag + "=0h and rotate now."}
	pullGapOpen = finding.Template{Code: "pull-gap-open", Severity: finding.Warning,
		Message: "The old password ends now, and pulls fail until readers have the new one: readers of the secret when testSecret (at most {wait}) and finishSecret are done, instances when they have read their ecs.config again.",
		Fix:     "Make a second account with the first one's name and _clone at the end, and remove the tag " + MaintenanceTag + ". Then no pull fails."}
	pullGapClosed = finding.Template{Code: "pull-gap-closed", Severity: finding.Info,
		Message: "Readers of the secret have the new password now. Pulls failed for at most {gap}."}

	newAccepted = finding.Template{Code: "login-succeeded", Severity: finding.Info,
		Message: "The registry {registry} accepts the new credential ({scheme}, realm {realm})."}
	currentAccepted = finding.Template{Code: "configuration-tested", Severity: finding.Info,
		Message: "The registry {registry} accepts the current credential ({scheme}, realm {realm})."}
	manifestServed = finding.Template{Code: "login-succeeded", Severity: finding.Info,
		Message: "It served the manifest of the test image."}
	imagesPullable = finding.Template{Code: "login-succeeded", Severity: finding.Info,
		Message: "Images of task definitions that it can pull: {count}."}
	pullDenied = finding.Template{Code: "pull-denied", Severity: finding.Error,
		Message: "The new credential can't pull images that the current one can: {images} ({why}).",
		Fix:     "Give the new credential's account or token the same rights at the registry. The current credential is untouched."}
	imagesUnpullable = finding.Template{Code: "image-unpullable", Severity: finding.Info,
		Message: "Task definitions name images that neither the new credential nor the current one can pull: {images}."}
	pullUnchecked = finding.Template{Code: "pull-unchecked", Severity: finding.Warning,
		Message: "Can't tell whether the new credential pulls {images}: {why}.",
		Fix:     "Nothing, if the registry answers again. Otherwise try it with docker pull."}
	pullUnproven = finding.Template{Code: "pull-unproven", Severity: finding.Warning,
		Message: "The credential logs in, but no pull shows that it may read images: {why}.",
		Fix:     "Tag the secret " + ImageTag + " with an image that the credential must be able to pull."}
)

// What the findings of looks between rotations, and about the previous credential, say.
var (
	rotationOffFault = finding.Template{Code: "rotation-off", Severity: finding.Error,
		Message: "The secret is tagged for a rotation, and rotation isn't turned on.",
		Fix:     "Turn it on with aws secretsmanager rotate-secret --rotation-lambda-arn and --rotation-rules, or remove the tag " + DriverTag + "."}
	rotationOverdue = finding.Template{Code: codeOverdue, Severity: finding.Error,
		Message: "The rotation of the secret was due by {due} and hasn't happened.",
		Fix:     "Find this function's errors on the secret, correct them, and rotate it with aws secretsmanager rotate-secret."}
	rotationUnderway = finding.Template{Code: "rotation-underway", Severity: finding.Info,
		Message: "A rotation is running, and it decides about the previous credential."}
	rotationStuck = finding.Template{Code: "rotation-underway", Severity: finding.Error,
		Message: "A rotation has been running since {since}, and Secrets Manager starts no other one before it ends.",
		Fix:     "Correct this function's errors on the secret, and rotate it with aws secretsmanager rotate-secret. Or first remove AWSPENDING: aws secretsmanager update-secret-version-stage --version-stage AWSPENDING --remove-from-version-id {version}"}
	graceLasts = finding.Template{Code: "grace-running", Severity: finding.Info,
		Message: "The previous credential works until {end}."}
	graceEnded = finding.Template{Code: "grace-over", Severity: finding.Warning,
		Message: "The registry {registry} still accepts the previous credential, whose grace time is over.",
		Fix:     "Let this function revoke it."}
	previousWorks = finding.Template{Code: "previous-works", Severity: finding.Warning,
		Message: "The registry {registry} still accepts the previous credential, whose grace time is over. The driver {driver} can't revoke it.",
		Fix:     "Delete the previous token at the registry."}
	previousEnded = finding.Template{Code: "previous-ended", Severity: finding.Info,
		Message: "No previous credential that this function issued works any more."}
	previousUnmanaged = finding.Template{Code: "previous-unmanaged", Severity: finding.Info,
		Message: "The previous version of the secret isn't the predecessor of the current one, so its credential is left alone."}
	previousInFiles = finding.Template{Code: "previous-in-use", Severity: finding.Warning,
		Message: "The previous credential isn't revoked yet, because listed ecs.config files carry it ({count}). The next look revokes it, when instances may have read them again.",
		Fix:     "Have the instances read their ecs.config again."}
	previousHeld = finding.Template{Code: "previous-held", Severity: finding.Warning,
		Message: "Container instances of {clusters} ({count}) registered before their ecs.config got the current credential, so they hold the previous one; {until}.",
		Fix:     "Replace the instances, or have them read their ecs.config again (REFRESH_INSTANCES). To end the credential anyway, add hard after the time in the tag " + GraceTag + "."}
	standbyHeld = finding.Template{Code: "previous-held", Severity: finding.Error,
		Message: "Container instances of {clusters} ({count}) registered before their ecs.config got the current credential, so they hold the standby account's. A rotation would end it.",
		Fix:     "Replace the instances, or have them read their ecs.config again (REFRESH_INSTANCES), and rotate again. To end the credential anyway, add hard after the time in the tag " + GraceTag + "."}
	previousMayBeHeld = finding.Template{Code: "previous-held", Severity: finding.Warning,
		Message: "The container instances of {clusters} can't be listed, and may hold the previous credential, so it isn't revoked.",
		Fix:     "Allow the function ecs:ListContainerInstances and ecs:DescribeContainerInstances. To end the credential anyway, add hard after the time in the tag " + GraceTag + "."}
	standbyMayBeHeld = finding.Template{Code: "previous-held", Severity: finding.Error,
		Message: "The container instances of {clusters} can't be listed, and may hold the previous credential, which is the standby account's, so nothing is rotated.",
		Fix:     previousMayBeHeld.Fix}
	replicaStale = finding.Template{Code: "replica-stale", Severity: finding.Warning,
		Message: "Replicas of the secret may still serve the previous credential, so it isn't revoked: {replicas}.",
		Fix:     "See why replication fails with aws secretsmanager describe-secret. Repeat it with aws secretsmanager replicate-secret-to-regions, or remove the Region with remove-regions-from-replication."}
	replicaHolds = finding.Template{Code: "replica-stale", Severity: finding.Error,
		Message: "The standby account keeps its password, and nothing is rotated. " + replicaStale.Message,
		Fix:     replicaStale.Fix}
	accountsShared = finding.Template{Code: "accounts-shared", Severity: finding.Error,
		Message: "The secret {secret} holds a credential of the same accounts, so rotating one ends the other's credential.",
		Fix:     "Rotate the accounts with one secret, and have everything read that one. Or give each secret its own accounts."}
	registryShared = finding.Template{Code: "registry-shared", Severity: finding.Warning,
		Message: "The secret {secret} is tagged for {registry} as well and {why}, so task definitions keep using that one.",
		Fix:     "Narrow the tag " + RegistryTag + " of one of them to a path, list the families that each is for in the tag " + FamiliesTag + ", or delete one."}
)

// What the findings of a renewal say.
var (
	renewalDisabled = finding.Template{Code: "rotation-disabled", Severity: finding.Error,
		Message: "Rotation isn't enabled for the secret, so it isn't renewed.",
		Fix:     "Enable rotation for the secret, or write the registry's current credential into it."}
	renewalUnderway = finding.Template{Code: "rotation-underway", Severity: finding.Info,
		Message: "A rotation is running."}
	renewalTooSoon = finding.Template{Code: "rotation-too-soon", Severity: finding.Info,
		Message: "The secret was rotated at {rotated}. Tasks that start now get the new credential."}
	renewalUntried = finding.Template{Code: "secret-shape", Severity: finding.Error,
		Message: "The credential can't be tried: {why}.",
		Fix:     "Correct what the message names."}
	renewalNeedless = finding.Template{Code: "login-succeeded", Severity: finding.Info,
		Message: "The registry {registry} accepts the current credential, so it isn't renewed. Tasks that start now pull with it."}
	renewalUnanswered = finding.Template{Code: "registry-answer", Severity: finding.Error,
		Message: "Can't tell whether {registry} accepts the current credential: {why}.",
		Fix:     "Check that the function can reach the registry."}
	renewalBegins = finding.Template{Code: "current-refused", Severity: finding.Error,
		Message: "The registry {registry} refuses the current credential, so a rotation begins.",
		Fix:     "Rotate the secret with aws secretsmanager rotate-secret."}
)

// What the findings about ecs.config files, and the instances that read them, say.
var (
	configMissing = finding.Template{Code: "config-missing", Severity: finding.Warning,
		Message: "The tag " + ConfigTag + " lists {file}, which doesn't exist.",
		Fix:     "Correct the entry, or put the file there."}
	configsTooMany = finding.Template{Code: "configs-too-many", Severity: finding.Warning,
		Message: "There are more files under {files} than one run reads ({listed} under a listed prefix, {unlisted} in the config buckets, among {keys} keys), so the others weren't checked.",
		Fix:     "List the files that carry the credential one by one, or under a narrower prefix, in the secret's tag " + ConfigTag + "."}
	bucketUnlistable = finding.Template{Code: "bucket-unlistable", Severity: finding.Warning,
		Message: "The files under {files} ({why}) weren't checked, because they can't be listed.",
		Fix:     "Allow the function's role s3:ListBucket on the bucket (the template's ConfigBuckets), or correct the entry."}
	listedUnread = finding.Template{Code: "config-unreadable", Severity: finding.Warning,
		Message: "Listed ecs.config files can't be read, so they keep their credential: {files}.",
		Fix:     "Allow the function's role to read them, in the bucket's and the key's policy. Or remove them from the tag " + ConfigTag + "."}
	foundUnread = finding.Template{Code: "config-unreadable", Severity: finding.Info,
		Message: "Can't tell whether some ecs.config files carry the credential, because they can't be read: {files}. The secret doesn't list them one by one."}
	configOversized = finding.Template{Code: "config-oversized", Severity: finding.Warning,
		Message: "Some files have credentials for more than {most} registries, which no ecs.config needs, so they aren't written: {files}.",
		Fix:     "Keep one entry for the registry in each file."}
	configUnlisted = finding.Template{Code: "config-unlisted", Severity: finding.Error,
		Message: "Some ecs.config files carry the secret's credential and aren't in its tag " + ConfigTag + ", so no rotation writes the new one into them: {files}.",
		Fix:     "If they are the secret's, add them to the tag " + ConfigTag + ". Otherwise find out how the credential got there."}
	configUntaggable = finding.Template{Code: "config-untaggable", Severity: finding.Warning,
		Message: "The instances that read {file} don't get the command to read it again: no tag or command can hold its name.",
		Fix:     "Give the object a name of letters, digits, spaces and + - = . _ : / @, of at most 256 characters with its bucket's."}
	configWithoutCluster = finding.Template{Code: "config-names-no-cluster", Severity: finding.Warning,
		Message: "The instances that read {file} don't get the command to read it again: its entry in the tag " + ConfigTag + " names no cluster.",
		Fix:     "Add the cluster to the entry, as in s3://bucket/key=CLUSTER. Or have instances found by their tag " + InstanceTag + " (REFRESH_INSTANCES=yes)."}
	configClusterDiffers = finding.Template{Code: "config-cluster-differs", Severity: finding.Warning,
		Message: "The file {file} is listed for the cluster {cluster} and names another one in ECS_CLUSTER. The instances of {cluster} get the command.",
		Fix:     "Correct the entry in the tag " + ConfigTag + ", or ECS_CLUSTER in the file."}
	clusterMissing = finding.Template{Code: "cluster-missing", Severity: finding.Warning,
		Message: "Files are listed for the cluster {cluster}, which doesn't exist in this Region.",
		Fix:     "Correct the entry in the tag " + ConfigTag + ". Instances of another Region have to be made to read the file again by hand."}
	instancesUnreachable = finding.Template{Code: "instances-unreachable", Severity: finding.Warning,
		Message: "Systems Manager doesn't reach {part} of the cluster {cluster}, so the command to read ecs.config again doesn't get there: {instances}.",
		Fix:     "Start the SSM agent there and give the instance role its permissions (the capability ssm of attach-policies). Or replace the instances."}
	refreshRunning = finding.Template{Code: "refresh-running", Severity: finding.Info,
		Message: "For {fleet}, {instances} ecs.config again (command {command})."}
	refreshEnded = finding.Template{Code: "refresh-ended", Severity: finding.Info,
		Message: refreshRunning.Message}
	refreshFailed = finding.Template{Code: "refresh-failed", Severity: finding.Warning,
		Message: "For {fleet}, the command to read ecs.config again {outcome}, so it is sent again (command {command}).",
		Fix:     "See what they say with aws ssm list-command-invocations --details --command-id {id}. Replace them if that can't be corrected."}
)

// timestamp shows a time to the second, and calendarDay its day.
func timestamp(place string, when time.Time) finding.Value {
	return finding.Words(place, when.UTC().Format(time.RFC3339))
}

func calendarDay(place string, when time.Time) finding.Value {
	return finding.Words(place, when.UTC().Format(time.DateOnly))
}

func figure(place string, count int) finding.Value {
	return finding.Words(place, fmt.Sprint(count))
}

// noted shows a name with a word about it.
func noted(name, note string) string { return finding.Shown(name) + " (" + finding.Said(note) + ")" }

// notedList lists the first five of names that noted shows, and counts the others.
func notedList(place string, shown []string) finding.Value {
	const most = 5
	text := strings.Join(shown[:min(len(shown), most)], ", ")
	if more := len(shown) - most; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return finding.Words(place, text)
}
