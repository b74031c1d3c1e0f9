package sweep

import "github.com/ecs-guardrails/ecs-guardrails/shared/finding"

// Templates are all of them, for the test that renders them.
func Templates() []finding.Template {
	return []finding.Template{
		sweptDefinitions, sweptSecrets, sweptObjects, sweptRoles, usesUnknown, noQueue, messageRefused,
		justBegun, stillRunning, alreadyOver, takenOver, wouldChange, mightChange,
		tooManyInvocations, timeUp, reportBucketGone, notReported, reportedSoFar, reported, noAnswer, noAnswers,
		noTrail, noTrailLogs, trailUnknown, iamElsewhere, bucketUnknown, ownBucketSilent, bucketSilent, bucketUnlisted, malformedRequest,
		loanStays, rotationBound, rotationRunning, grantStays, grantStaysBesideOthers, roleStays, bucketStays, readyToLeave, leaveRotating, leaveUnknown,
	}
}
