package configobject

import "ecsguardrails/shared/finding"

// Codes of the findings about an object as a whole; those about its lines are
// the judge's.
const (
	CodeDeleted        = "object-deleted"
	CodeOtherKey       = "other-key"
	CodeLarge          = "file-large"
	CodeTooLarge       = "file-too-large"
	CodeArchived       = "object-archived"
	CodeKeyDenied      = "kms-access-denied"
	CodeKeyUnusable    = "kms-key-unusable"
	CodeCustomerKey    = "customer-provided-key"
	CodeTagsFull       = "tags-full"
	CodeTagsUnreadable = "tags-unreadable"
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
	{Code: CodeTagsFull, Cause: "the object carries 10 tags already, the most that S3 allows, so the verdict has no room", Cure: "remove two tags that nobody reads"},
	{Code: CodeTagsUnreadable, Cause: "the function may not read the object's tags, and so does not replace them", Cure: "allow `s3:GetObjectTagging` and `s3:GetObjectVersionTagging` to the function's role"},
}
