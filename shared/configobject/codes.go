package configobject

import "github.com/ecs-guardrails/ecs-guardrails/shared/finding"

// Codes of the findings about an object as a whole; those about its lines are
// the judge's.
const (
	CodeDeleted        = "object-deleted"
	CodeOtherKey       = "key-not-handled"
	CodeLarge          = "file-large"
	CodeTooLarge       = "file-too-large"
	CodeArchived       = "object-archived"
	CodeKeyDenied      = "kms-access-denied"
	CodeKeyUnusable    = "kms-key-unusable"
	CodeCustomerKey    = "object-customer-key"
	CodeTagsFull       = "tags-full"
	CodeTagsUnreadable = "tags-unreadable"

	CodeClusterMissing     = "cluster-missing"
	CodeClusterInactive    = "cluster-inactive"
	CodeClusterRegion      = "cluster-region-unknown"
	CodeClusterNotExamined = "cluster-unchecked"

	CodeNobodyCanRead      = "file-unreadable-by-roles"
	CodeSomeCannotRead     = "file-unreadable-by-role"
	CodeReadersNotExamined = "readers-unchecked"

	CodeLoginRefused   = "registry-login-refused"
	CodeLoginUnknown   = "registry-login-unchecked"
	CodeRegistryOpen   = "registry-open"
	CodeAddressRefused = "registry-address-refused"
	CodeLoginNotTried  = "registry-login-untried"

	CodeRestored   = "version-restored"
	CodeNotOnTop   = "version-not-on-top"
	CodeNoGood     = "good-version-missing"
	CodeNotOurCopy = "restored-version-invalid"
)

// Codes documents them.
var Codes = []finding.Code{
	{Code: CodeDeleted, Severity: finding.Info, Cause: "The event is about a deletion.", Cure: "Nothing."},
	{Code: CodeOtherKey, Severity: finding.Info, Cause: "The key ends in none of the suffixes that are ours.", Cure: "Nothing; to have it judged, add its end to `CONFIG_SUFFIXES` or `ENVIRONMENT_FILE_SUFFIXES`."},
	{Code: CodeLarge, Severity: finding.Info, Cause: "The file is larger than 64 KiB.", Cure: "See whether it is the right file."},
	{Code: CodeTooLarge, Severity: finding.Error, Cause: "The file is larger than 1 MiB, and was not read.", Consequence: "Instances may boot with a bad file, and nothing tells you.", Cure: "Upload the right file."},
	{Code: CodeArchived, Severity: finding.Error, Cause: "The object lies in an archive storage class, from which nothing can read it at once.", Consequence: "Instances that boot with this file never join their cluster.", Cure: "Copy it to S3 Standard, and keep the lifecycle rule away from it."},
	{Code: CodeKeyDenied, Severity: finding.Error, Cause: "The object's KMS key does not let the function decrypt.", Consequence: "Instances may boot with a bad file, and nothing tells you.", Cure: "Allow `kms:Decrypt` to the function's role in the key's policy, and to the instance roles."},
	{Code: CodeKeyUnusable, Severity: finding.Error, Cause: "The object's KMS key is disabled, deleted or about to be.", Consequence: "Instances that boot with this file never join their cluster.", Cure: "Enable the key, or upload the file again under another one."},
	{Code: CodeCustomerKey, Severity: finding.Error, Cause: "The object is encrypted with a key that its uploader keeps (SSE-C).", Consequence: "Instances that boot with this file never join their cluster.", Cure: "Upload it with SSE-S3 or SSE-KMS."},
	{Code: CodeTagsFull, Severity: finding.Warning, Cause: "The object carries nine tags or ten, the most that S3 allows, so that the two of the verdict do not fit.", Consequence: "Instances may boot with a bad file, and nothing tells you.", Cure: "Remove tags that no one reads."},
	{Code: CodeTagsUnreadable, Severity: finding.Warning, Cause: "The function may not read the object's tags, and so does not replace them.", Consequence: "Instances may boot with a bad file, and nothing tells you.", Cure: "Allow `s3:GetObjectTagging` and `s3:GetObjectVersionTagging` to the function's role."},
	{Code: CodeClusterMissing, Severity: finding.Error, Cause: "The file names a cluster that does not exist in its region.", Consequence: "Instances that boot with this file never join their cluster.", Cure: "Create the cluster, or name one that exists; for another region, set `AWS_DEFAULT_REGION` in the file."},
	{Code: CodeClusterInactive, Severity: finding.Error, Cause: "The file names a cluster that was deleted.", Consequence: "Instances that boot with this file never join their cluster.", Cure: "Create it again, or name one that is active."},
	{Code: CodeClusterRegion, Severity: finding.Error, Cause: "The file names a region that has no ECS.", Consequence: "Instances that boot with this file never join their cluster.", Cure: "Correct `AWS_DEFAULT_REGION`, or the cluster's ARN."},
	{Code: CodeClusterNotExamined, Severity: finding.Warning, Cause: "ECS does not tell the function about the cluster.", Consequence: "Instances may boot with a bad file, and nothing tells you.", Cure: "Allow `ecs:DescribeClusters` to the function's role; see whether the region is enabled."},
	{Code: CodeNobodyCanRead, Severity: finding.Warning, Cause: "None of the instance roles that have the capability `config` can read the file, by their own policies or the bucket's.", Consequence: "Instances can't fetch the file, and boot without its settings.", Cure: "Allow `s3:GetObject` on it, and `kms:Decrypt` on its key, to the roles that are to read it."},
	{Code: CodeSomeCannotRead, Severity: finding.Info, Cause: "An instance role that has the capability `config` cannot read the file, and another one can, or was not asked about.", Cure: "Nothing where the role is for other files; allow what it lacks otherwise."},
	{Code: CodeReadersNotExamined, Severity: finding.Warning, Cause: "The function may not see which instance roles there are, or what they can do.", Consequence: "Instances may boot with a bad file, and nothing tells you.", Cure: "Allow `iam:GetAccountAuthorizationDetails` and `iam:SimulatePrincipalPolicy` to the function's role."},
	{Code: CodeLoginRefused, Severity: finding.Error, Cause: "`VERIFY_REGISTRY_LOGIN=yes`: a registry refuses the credential that the file has for it.", Consequence: "Instances that boot with this file can't pull private images from the registry.", Cure: "Write a user name and a password, or token, that `docker login` takes."},
	{Code: CodeLoginUnknown, Severity: finding.Warning, Cause: "`VERIFY_REGISTRY_LOGIN=yes`: a registry cannot be reached, or answers as none does.", Consequence: "Instances that boot with this file can't pull private images from the registry.", Cure: "See whether it is in order, and can be reached from where the function runs."},
	{Code: CodeRegistryOpen, Severity: finding.Error, Cause: "`VERIFY_REGISTRY_LOGIN=yes`: a registry asks no one for a credential, so that a login proves nothing.", Consequence: "Rotation stops with the current credential untouched. It works until it expires.", Cure: "Nothing."},
	{Code: CodeAddressRefused, Severity: finding.Info, Cause: "`VERIFY_REGISTRY_LOGIN=yes`: a registry, or the realm that it sends logins to, has an address that the function does not connect to.", Cure: "Set `ALLOW_PRIVATE_REGISTRIES=yes` for registries in a private network."},
	{Code: CodeLoginNotTried, Severity: finding.Info, Cause: "`VERIFY_REGISTRY_LOGIN=yes`: a login was not tried: a token instead of a password, a key that may be no registry, or more than 10 registries.", Cure: "Try it by hand with `docker login`."},
	{Code: CodeRestored, Severity: finding.Warning, Cause: "`ON_INVALID=restore`: the upload is invalid, and the last good version goes back on top of it.", Consequence: "Instances boot with the last good version; your change has no effect until you correct it.", Cure: "Correct the file that stays as the noncurrent version, and upload it again.", Undo: "Upload the file again, or delete the version that was put on top."},
	{Code: CodeNotOnTop, Severity: finding.Info, Cause: "`ON_INVALID=restore`: the invalid version is not what instances read, so nothing is restored.", Cure: "Nothing."},
	{Code: CodeNoGood, Severity: finding.Warning, Cause: "`ON_INVALID=restore`: none of the last 20 versions since the file was last deleted is good.", Consequence: "The bad file stays the current one.", Cure: "Upload a corrected file."},
	{Code: CodeNotOurCopy, Severity: finding.Warning, Cause: "`ON_INVALID=restore`: the invalid version was itself put back on top by this function, or by another that judges otherwise, so nothing is restored.", Consequence: "The bad file stays the current one.", Cure: "Upload a corrected file; have one function restore in a bucket."},
}
