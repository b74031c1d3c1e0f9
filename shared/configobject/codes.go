package configobject

import "ecsguardrails/shared/finding"

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
	{Code: CodeDeleted, Cause: "the event tells of a deletion", Cure: "none needed"},
	{Code: CodeOtherKey, Cause: "the key ends in none of the suffixes that are ours", Cure: "none needed; to have it judged, add its end to `CONFIG_SUFFIXES` or `ENVIRONMENT_FILE_SUFFIXES`"},
	{Code: CodeLarge, Cause: "the file is larger than 64 KiB", Cure: "see whether it is the right file"},
	{Code: CodeTooLarge, Cause: "the file is larger than 1 MiB, and was not read", Cure: "upload the right file"},
	{Code: CodeArchived, Cause: "the object lies in an archive storage class, from which nothing can read it at once", Cure: "copy it to S3 Standard, and keep the lifecycle rule away from it"},
	{Code: CodeKeyDenied, Cause: "the object's KMS key does not let the function decrypt", Cure: "allow `kms:Decrypt` to the function's role in the key's policy, and to the instance roles"},
	{Code: CodeKeyUnusable, Cause: "the object's KMS key is disabled, deleted or about to be", Cure: "enable the key, or upload the file anew under another one"},
	{Code: CodeCustomerKey, Cause: "the object is encrypted with a key that its uploader keeps (SSE-C)", Cure: "upload it with SSE-S3 or SSE-KMS"},
	{Code: CodeTagsFull, Cause: "the object carries nine tags or ten, the most that S3 allows, so that the two of the verdict do not fit", Cure: "remove tags that nobody reads"},
	{Code: CodeTagsUnreadable, Cause: "the function may not read the object's tags, and so does not replace them", Cure: "allow `s3:GetObjectTagging` and `s3:GetObjectVersionTagging` to the function's role"},
	{Code: CodeClusterMissing, Cause: "the file names a cluster that does not exist in its region", Cure: "create the cluster, or name one that exists; for another region, set `AWS_DEFAULT_REGION` in the file"},
	{Code: CodeClusterInactive, Cause: "the file names a cluster that was deleted", Cure: "create it again, or name one that is active"},
	{Code: CodeClusterRegion, Cause: "the file names a region that has no ECS", Cure: "correct `AWS_DEFAULT_REGION`, or the cluster's ARN"},
	{Code: CodeClusterNotExamined, Cause: "ECS does not tell the function about the cluster", Cure: "allow `ecs:DescribeClusters` to the function's role; see whether the region is enabled"},
	{Code: CodeNobodyCanRead, Cause: "none of the instance roles that have the capability `config` can read the file, by their own policies or the bucket's", Cure: "allow `s3:GetObject` on it, and `kms:Decrypt` on its key, to the roles that are to read it"},
	{Code: CodeSomeCannotRead, Cause: "an instance role that has the capability `config` cannot read the file, and another one can, or was not asked about", Cure: "none needed where the role is for other files; allow what it lacks otherwise"},
	{Code: CodeReadersNotExamined, Cause: "the function may not see which instance roles there are, or what they can do", Cure: "allow `iam:GetAccountAuthorizationDetails` and `iam:SimulatePrincipalPolicy` to the function's role"},
	{Code: CodeLoginRefused, Cause: "`VERIFY_REGISTRY_LOGIN=yes`: a registry refuses the credential that the file has for it", Cure: "write a user name and a password, or token, that `docker login` takes"},
	{Code: CodeLoginUnknown, Cause: "`VERIFY_REGISTRY_LOGIN=yes`: a registry cannot be reached, or answers as none does", Cure: "see whether it is in order, and can be reached from where the function runs"},
	{Code: CodeRegistryOpen, Cause: "`VERIFY_REGISTRY_LOGIN=yes`: a registry asks nobody for a credential, so that a login proves nothing", Cure: "none needed"},
	{Code: CodeAddressRefused, Cause: "`VERIFY_REGISTRY_LOGIN=yes`: a registry, or the realm that it sends logins to, has an address that the function does not connect to", Cure: "set `ALLOW_PRIVATE_REGISTRIES=yes` for registries in a private network"},
	{Code: CodeLoginNotTried, Cause: "`VERIFY_REGISTRY_LOGIN=yes`: a login was not tried: a token in the place of a password, a key that may be no registry, or more than 10 registries", Cure: "try it by hand with `docker login`"},
	{Code: CodeRestored, Cause: "`ON_INVALID=restore`: the upload is invalid, and the last good version goes back on top of it", Cure: "correct the file that stays as the noncurrent version, and upload it again"},
	{Code: CodeNotOnTop, Cause: "`ON_INVALID=restore`: the invalid version is not what instances read, so nothing is restored", Cure: "none needed"},
	{Code: CodeNoGood, Cause: "`ON_INVALID=restore`: none of the last 20 versions since the file was last deleted is good", Cure: "upload a corrected file"},
	{Code: CodeNotOurCopy, Cause: "`ON_INVALID=restore`: the invalid version was itself put back on top by this function, or by another that judges otherwise, so nothing is restored", Cure: "upload a corrected file; have one function restore in a bucket"},
}
