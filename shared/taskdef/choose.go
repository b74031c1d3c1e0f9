package taskdef

import (
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/revision"
)

// choose says which revision is judged, why none is (Skip), or what else has to
// be read to know it.
//
// Only a family's latest revision is ever patched. A new revision becomes what
// "family" alone means to UpdateService, RunTask and schedules; made from an older
// one, it would take everybody back to what the older one had.
func (s Settings) choose(o Observation) (Observation, []Question) {
	if o.Asked == nil {
		return o, nil
	}
	asked := *o.Asked
	if asked.isElsewhere(o.region) {
		o.Skip = skipFor(otherRegion, finding.Name("region", asked.Region), finding.Name("here", o.region))
		return o, nil
	}
	if asked.Family == "" {
		o.Skip = skipFor(serviceGone)
		return o, nil
	}
	latest := o.Latest
	described := latest
	if described == nil || asked.Number > described.Definition.Revision {
		if asked.Number == 0 {
			o.Skip = skipFor(familyGone, finding.Name("family", asked.Family))
			return o, nil
		}
		// Deregistered, or younger than what ECS has told so far.
		var read bool
		if described, read = o.Revisions[asked.String()]; !read {
			return o, []Question{aboutRevision{asked.String()}}
		}
	}
	if o.Skip = stand(asked, described); o.Skip == nil {
		return o.about(described), nil
	}
	if late, open := s.late(o); late != nil || len(open) > 0 {
		o.Late = late
		return o, open
	}
	if o.Skip.Code == "revision-not-latest" && bool(s.UpdateServices) {
		// What runs the asked one may have to follow to the one that we made from it.
		source, open := s.madeFrom(o, latest)
		if strings.HasSuffix(source, "/"+asked.String()) {
			o = o.about(latest)
			o.follows = true
		}
		return o, open
	}
	return o, nil
}

// about sets what is judged.
func (o Observation) about(described *Described) Observation {
	o.Definition, o.Tags, o.UnknownFields = described.Definition, described.Tags, described.UnknownFields
	return o
}

// stand says why a revision needs no look, or gives nil.
func stand(asked Revision, described *Described) *finding.Finding {
	if described == nil {
		return skipFor(definitionGone, finding.Name("definition", asked.String()))
	}
	definition := described.Definition
	switch {
	case asked.Account != "" && !strings.Contains(aws.ToString(definition.TaskDefinitionArn), ":"+asked.Account+":"):
		return skipFor(otherAccount, finding.Name("account", asked.Account))
	case definition.Status != types.TaskDefinitionStatusActive && definition.Status != "":
		return skipFor(deregistered, finding.Name("definition", fmt.Sprintf("%s:%d", asked.Family, definition.Revision)))
	case asked.Number != 0 && asked.Number < definition.Revision:
		return skipFor(notLatest, finding.Name("latest", aws.ToString(definition.TaskDefinitionArn)), finding.Name("asked", asked.String()))
	}
	return nil
}

// late finds a latest revision that we made, and would have withdrawn, had we
// not been cut off: another one came in between. The asked one is what it was
// made from, or what it has hidden since.
func (s Settings) late(o Observation) (*Withdrawal, []Question) {
	asked, latest := *o.Asked, o.Latest
	if latest == nil {
		return nil, nil
	}
	number := latest.Definition.Revision
	source, ours := s.ownSource(latest)
	if !ours || number <= source.Number+1 || asked.Number < source.Number || asked.Number >= number {
		return nil, nil
	}
	question := aboutBetween{asked.Family, source.Number, number}
	switch first, read := o.Between[question]; {
	case !read:
		return nil, []Question{question}
	case first != "":
		return &Withdrawal{Late: aws.ToString(latest.Definition.TaskDefinitionArn), First: first, Again: asked.Number != source.Number}, nil
	}
	return nil, nil
}

// ownSource gives the revision that an active one of ours was made from. The tag
// alone would not do: people copy it along into revisions of their own.
func (s Settings) ownSource(described *Described) (revision.Name, bool) {
	definition := described.Definition
	source, err := revision.Parse(tagOf(described.Tags, TagPatchedFrom))
	return source, err == nil && definition.Status == types.TaskDefinitionStatusActive && source.Family == aws.ToString(definition.Family) &&
		source.Number > 0 && source.Number < definition.Revision && registrantOf(definition).IsAnyOf(s.OwnRoles)
}

// madeFrom gives the ARN of the revision that one of ours was made from, or ""
// where somebody else made it, or another came in between.
func (s Settings) madeFrom(o Observation, described *Described) (string, []Question) {
	source, ours := s.ownSource(described)
	if !ours {
		return "", nil
	}
	name := aws.ToString(described.Definition.TaskDefinitionArn)
	if source.Number < described.Definition.Revision-1 {
		question := aboutBetween{source.Family, source.Number, described.Definition.Revision}
		if first, read := o.Between[question]; !read {
			return "", []Question{question}
		} else if first != "" {
			return "", nil
		}
	}
	return name[:strings.LastIndexByte(name, '/')+1] + source.String(), nil
}

// skipFor makes the finding that says why a definition is not judged.
func skipFor(template finding.Template, values ...finding.Value) *finding.Finding {
	f := template.With(values...)
	return &f
}
