package taskdef

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/ecs-guardrails/ecs-guardrails/shared/taskuse"
)

// Usage is what runs a revision that has, or gets, a successor of ours.
type Usage struct {
	// Revisions are the ARNs of the ones to be left.
	Revisions []string
	// Successor is the ARN of the one to be run, or "" where it should be
	// registered first.
	Successor string
	// Since is when the latest revision was registered: a roll-back after that
	// tells that somebody tried, and failed.
	Since time.Time
	// Services run one of the Revisions. Moved run the Successor already.
	Services, Moved []types.Service
	// Schedules start tasks of the family, of whatever revision.
	Schedules []taskuse.Schedule
	// Instances are the active ones of the Services' clusters, by the clusters' ARNs.
	Instances map[string][]Instance
	// ServicesUnchecked and SchedulesUnchecked say why there may be more of them.
	ServicesUnchecked, SchedulesUnchecked string
}
