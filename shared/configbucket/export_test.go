package configbucket

import "github.com/ecs-guardrails/ecs-guardrails/shared/finding"

// Templates are all of them, for the test that renders them.
func Templates() []finding.Template {
	return []finding.Template{
		bucketPublic, bucketShared, bucketNotBlocked, bucketNotEncrypted, bucketNotVersioned, bucketPlainHTTP, bucketACLs, bucketUnchecked, objectPublic, objectShared,
	}
}
