package configobject

import "github.com/ecs-guardrails/ecs-guardrails/shared/finding"

// Templates are all of them, for the test that renders them.
func Templates() []finding.Template {
	return []finding.Template{
		versionDeleted, objectDeleted, otherKey, fileTooLarge, fileLarge, archived, customerKey, keyDenied, keyUnusable, tagsUnreadable, tagsFull,
		clusterRegion, clusterUnchecked, clusterMissing, clusterInactive, readersUnchecked, someCannotRead, noneCanRead,
		loginIsRefused, registryIsOpen, addressIsRefused, loginUntried, loginsUntried, loginIsUnknown,
		restoredInvalid, notOnTop, noGoodVersion, versionRestored, requestIncomplete, bucketNameInvalid,
	}
}
