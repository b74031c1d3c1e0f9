package configobject

import "github.com/ecs-guardrails/ecs-guardrails/shared/finding"

// What the findings about an object as a whole say.
var (
	versionDeleted = finding.Template{Code: CodeDeleted, Severity: finding.Info,
		Message: "The version is a delete marker, so there is nothing to check."}
	objectDeleted = finding.Template{Code: CodeDeleted, Severity: finding.Info,
		Message: "The object was deleted, so there is nothing to check."}
	otherKey = finding.Template{Code: CodeOtherKey, Severity: finding.Info,
		Message: "The key ends neither in {config} (CONFIG_SUFFIXES) nor in {environment} (ENVIRONMENT_FILE_SUFFIXES)."}
	fileTooLarge = finding.Template{Code: CodeTooLarge, Severity: finding.Error,
		Message: "The file has {size}, more than the 1 MiB that this function reads.",
		Fix:     "Upload the right file. An ecs.config or environment file has a few hundred bytes."}
	fileLarge = finding.Template{Code: CodeLarge, Severity: finding.Info,
		Message: "The file has {size}. Such files rarely need more than 64 KiB.",
		Fix:     "Check that it is the right file."}
	archived = finding.Template{Code: CodeArchived, Severity: finding.Error,
		Message: "The object is in an archive storage class, so no instance can read it.",
		Fix:     "Copy it to the storage class STANDARD, and exclude it from the lifecycle rule."}
	customerKey = finding.Template{Code: CodeCustomerKey, Severity: finding.Error,
		Message: "The object is encrypted with a key that only its uploader has (SSE-C), so no instance can read it.",
		Fix:     "Upload it again with SSE-S3 or SSE-KMS."}
	keyDenied = finding.Template{Code: CodeKeyDenied, Severity: finding.Error,
		Message: "This function can't decrypt the object: its KMS key denies kms:Decrypt. Instance roles that the key's policy doesn't allow can't decrypt it either.",
		Fix:     "Allow kms:Decrypt in the key's policy, to the function's role and to the instance roles."}
	keyUnusable = finding.Template{Code: CodeKeyUnusable, Severity: finding.Error,
		Message: "The object can't be decrypted: its KMS key is disabled, deleted or scheduled for deletion ({answer}).",
		Fix:     "Enable the key or cancel its deletion. Or upload the file again with another key."}
	tagsUnreadable = finding.Template{Code: CodeTagsUnreadable, Severity: finding.Warning,
		Message: "The function may not read the version's tags, so it doesn't record the verdict: writing tags replaces all of them.",
		Fix:     "Allow s3:GetObjectTagging and s3:GetObjectVersionTagging to the function's role."}
	tagsFull = finding.Template{Code: CodeTagsFull, Severity: finding.Warning,
		Message: "The version has {tags}, and S3 allows {most}. There is no room for the two tags of the verdict.",
		Fix:     "Remove tags that you don't need from the object."}

	clusterRegion = finding.Template{Code: CodeClusterRegion, Severity: finding.Error,
		Message: "ECS doesn't exist in the Region {region}, so no instance can register.",
		Fix:     "Correct the Region in AWS_DEFAULT_REGION, or in the cluster's ARN."}
	clusterUnchecked = finding.Template{Code: CodeClusterNotExamined, Severity: finding.Warning,
		Message: "Can't tell whether the cluster exists in {region}. ECS answered {answer}.",
		Fix:     "Allow ecs:DescribeClusters to this function's role, and check that the Region is enabled for the account."}
	clusterMissing = finding.Template{Code: CodeClusterMissing, Severity: finding.Error,
		Message: "The cluster {cluster} doesn't exist in {region}, so the agent can't register the instance. It creates no cluster that has a name.",
		Fix:     "Create the cluster, or name one that exists. If its instances run in another Region, set AWS_DEFAULT_REGION in the file."}
	clusterInactive = finding.Template{Code: CodeClusterInactive, Severity: finding.Error,
		Message: "The cluster {cluster} in {region} has the status {status}, so the agent can't register the instance.",
		Fix:     "Create the cluster again, or name one that is active. If its instances run in another Region, set AWS_DEFAULT_REGION in the file."}

	readersUnchecked = finding.Template{Code: CodeReadersNotExamined, Severity: finding.Warning,
		Message: "Can't tell whether the instance roles can read the file. The function lacks {missing}.",
		Fix:     "Allow iam:GetAccountAuthorizationDetails and iam:SimulatePrincipalPolicy to this function's role."}
	someCannotRead = finding.Template{Code: CodeSomeCannotRead, Severity: finding.Info,
		Message: "Some instance roles can't read the file: {roles}.",
		Fix:     allowReading}
	noneCanRead = finding.Template{Code: CodeNobodyCanRead, Severity: finding.Warning,
		Message: "None of the instance roles that read config files can read this one: {roles}. An instance boots without it and joins the cluster \"default\".",
		Fix:     allowReading}

	loginIsRefused = finding.Template{Code: CodeLoginRefused, Severity: finding.Error,
		Message: "The registry {registry} refuses the credential{status}, so instances can't pull its private images.",
		Fix:     "Write a user name and password (or token) that docker login accepts. This one may have expired, or been changed or revoked."}
	registryIsOpen = finding.Template{Code: CodeRegistryOpen, Severity: finding.Info,
		Message: "The registry {registry} asks for no credential, so this one can't be verified.",
		Fix:     "Remove the credential if the registry's images are public."}
	addressIsRefused = finding.Template{Code: CodeAddressRefused, Severity: finding.Info,
		Message: "The credential wasn't verified: this function doesn't connect to the address of the registry {registry}.",
		Fix:     "If the registry is in a private network, set ALLOW_PRIVATE_REGISTRIES=yes and run the function where it can reach it."}
	loginUntried = finding.Template{Code: CodeLoginNotTried, Severity: finding.Info,
		Message: "The credential of the registry {registry} wasn't verified: {reason}.",
		Fix:     "Try it with docker login."}
	loginsUntried = finding.Template{Code: CodeLoginNotTried, Severity: finding.Info,
		Message: "The credentials of {registries} weren't verified: the function tries {most} logins per file.",
		Fix:     "Try them with docker login."}
	loginIsUnknown = finding.Template{Code: CodeLoginUnknown, Severity: finding.Warning,
		Message: "Can't tell whether the registry {registry} accepts its credential: {reason}{status}.",
		Fix:     "Check that the registry works and that this function can reach it. Then upload the file again, or invoke the function with it."}

	restoredInvalid = finding.Template{Code: CodeNotOurCopy, Severity: finding.Warning,
		Message: "A function restored this version as a good one, and it is invalid now. Nothing is restored over it.",
		Fix:     "Upload a corrected file. Have only one function restore versions in this bucket."}
	notOnTop = finding.Template{Code: CodeNotOnTop, Severity: finding.Info,
		Message: "The version isn't the current one any more, so there is nothing to restore."}
	noGoodVersion = finding.Template{Code: CodeNoGood, Severity: finding.Warning,
		Message: "None of the last {most} versions is valid, so there is nothing to restore.",
		Fix:     "Upload a corrected file."}
	versionRestored = finding.Template{Code: CodeRestored, Severity: finding.Warning,
		Message: "The upload is invalid. The last good version, {good}, becomes the current one; the upload stays as the noncurrent version {upload}.",
		Fix:     "Correct the file and upload it again."}

	requestIncomplete = finding.Template{Code: "event-malformed", Severity: finding.Error,
		Message: "The request's \"bucket\" and \"key\" must be text that isn't empty.",
		Fix:     `Write {"bucket": "acme-ecs-config", "key": "prod/ecs.config"}. Add "versionId" for a version that isn't the current one.`}
	bucketNameInvalid = finding.Template{Code: "event-malformed", Severity: finding.Error,
		Message: "This isn't the name of a bucket: names have letters, digits, dots, hyphens and underscores.",
		Fix:     "Write the bucket's name, not a URL or an ARN."}
)

const allowReading = "Allow it on {object} to the roles that should read it. Roles whose tag ecs-guardrails:capabilities lacks config aren't checked."
