package rotation

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"golang.org/x/sync/errgroup"

	"github.com/ecs-guardrails/ecs-guardrails/shared/awserror"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry"
	"github.com/ecs-guardrails/ecs-guardrails/shared/wildcard"
)

const (
	// maxFamilies bounds how many families of task definitions are read for the
	// images that a secret is used for: one page.
	maxFamilies = 100
	// maxImages bounds how many images are asked about.
	maxImages = 20
)

// TaskDefinitions is the part of ECS's client that finds the images in use.
type TaskDefinitions interface {
	ListTaskDefinitionFamilies(context.Context, *ecs.ListTaskDefinitionFamiliesInput, ...func(*ecs.Options)) (*ecs.ListTaskDefinitionFamiliesOutput, error)
	DescribeTaskDefinition(context.Context, *ecs.DescribeTaskDefinitionInput, ...func(*ecs.Options)) (*ecs.DescribeTaskDefinitionOutput, error)
}

// Uses are the images of the latest revisions of task definitions.
type Uses struct {
	Images []UsedImage
	// Partial says that there are more families than were read.
	Partial bool
	// Unknown is why none could be read, "" where that went well.
	Unknown string
}

// UsedImage is one container's image.
type UsedImage struct {
	Family, Image string
	// Secret is what repositoryCredentials name, "" without any.
	Secret string
}

// uses reads the latest active revision of each family. Rotations are rare, and
// the steps have two minutes. A role that may not read them knows no images.
func (r *Rotation) uses(ctx context.Context, families string) (Uses, error) {
	input := &ecs.ListTaskDefinitionFamiliesInput{Status: types.TaskDefinitionFamilyStatusActive, MaxResults: aws.Int32(maxFamilies)}
	patterns := strings.Fields(families)
	if len(patterns) == 1 {
		if begin, _, _ := strings.Cut(patterns[0], "*"); begin != "" {
			input.FamilyPrefix = &begin
		}
	}
	page, err := r.definitions.ListTaskDefinitionFamilies(ctx, input)
	if err != nil && awserror.Classify(err) == awserror.Denied {
		return Uses{Unknown: failedCall(err)}, nil
	}
	if err != nil {
		return Uses{}, fmt.Errorf("list the families of task definitions: %w", err)
	}
	read := make([][]UsedImage, len(page.Families))
	unknown := make([]string, len(page.Families))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(8)
	for i, family := range page.Families {
		if !isForFamily(patterns, family) {
			continue
		}
		group.Go(func() (err error) {
			read[i], unknown[i], err = r.imagesOf(ctx, family)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return Uses{}, err
	}
	uses := Uses{Images: slices.Concat(read...), Partial: aws.ToString(page.NextToken) != ""}
	for _, reason := range unknown {
		if reason != "" && len(uses.Images) == 0 {
			uses.Unknown = reason
		}
	}
	return uses, nil
}

// imagesOf reads a family's latest active revision. unknown says why it may not be
// read.
func (r *Rotation) imagesOf(ctx context.Context, family string) (images []UsedImage, unknown string, err error) {
	described, err := r.definitions.DescribeTaskDefinition(ctx, &ecs.DescribeTaskDefinitionInput{TaskDefinition: &family})
	if err != nil {
		switch awserror.Classify(err) {
		case awserror.Denied:
			return nil, failedCall(err), nil
		case awserror.Gone, awserror.Refused:
			return nil, "", nil
		}
		return nil, "", fmt.Errorf("read the task definition %s: %w", family, err)
	}
	for _, container := range described.TaskDefinition.ContainerDefinitions {
		used := UsedImage{Family: family, Image: aws.ToString(container.Image)}
		if container.RepositoryCredentials != nil {
			used.Secret = aws.ToString(container.RepositoryCredentials.CredentialsParameter)
		}
		images = append(images, used)
	}
	return images, "", nil
}

// isForFamily reports whether a family is one of a list of names with * in them;
// an empty list is for all.
func isForFamily(patterns []string, family string) bool {
	return len(patterns) == 0 || wildcard.MatchAny(patterns, family)
}

// imagesInUse are the images of the registry that task definitions pull with this
// secret: by naming it, or without a credential of their own on instances whose
// ecs.config has the secret's. The test image isn't among them.
func (o Observation) imagesInUse(target Target) []registry.Image {
	var images []registry.Image
	for _, used := range o.Uses.Images {
		if !o.isNamed(used.Secret) && (used.Secret != "" || len(target.Configs) == 0) {
			continue
		}
		served, _, err := registry.ParseReference(used.Image)
		if err != nil || served.Host != target.Registry.Host {
			continue
		}
		image, err := target.Registry.ParseImage(used.Image)
		if err != nil || slices.Contains(images, image) || target.Image != nil && *target.Image == image {
			continue
		}
		if images = append(images, image); len(images) == maxImages {
			break
		}
	}
	return images
}

// isNamed reports whether a text names this secret: its ARN, also without the six
// characters that Secrets Manager adds, or its name.
func (o Observation) isNamed(text string) bool { return isNameOf(text, o.ARN, o.Name) }

func isNameOf(text, arn, name string) bool {
	return text != "" && (text == arn || text == name || len(arn) > 7 && text == arn[:len(arn)-7])
}

// subjectOfTest is the credential that testSecret tries.
func (o Observation) subjectOfTest(both documents) registry.Credential {
	if both.hasNew {
		return both.after.Credential
	}
	return both.before.Credential
}

// judgePulls says what the proof of the pull showed. An image that the credential
// in use can't pull either is not this rotation's fault.
func judgePulls(o Observation, target Target, both documents) (findings []finding.Finding, proven int) {
	images, old := o.imagesInUse(target), o.Pulls[forOld]
	var denied, unpullable, unknown []string
	why := ""
	for i, answer := range o.Pulls[forNew] {
		if answer.Access == registry.Allowed {
			proven++
			continue
		}
		name := target.Registry.Host + "/" + images[i].String()
		before := registry.Answer{Access: registry.Unanswered}
		if len(old) > 0 {
			before, old = old[0], old[1:]
		}
		switch {
		case !answer.Known():
			unknown = append(unknown, name)
			why = answer.Why
		case before.Access == registry.Allowed:
			denied = append(denied, name)
			why = answer.Why
		default:
			unpullable = append(unpullable, name)
		}
	}
	if len(denied) > 0 {
		findings = append(findings, pullDenied.With(finding.Names("images", denied), finding.Clause("why", why)))
	}
	if len(unpullable) > 0 {
		findings = append(findings, imagesUnpullable.With(finding.Names("images", unpullable)))
	}
	if len(unknown) > 0 {
		findings = append(findings, pullUnchecked.With(finding.Names("images", unknown), finding.Clause("why", why)))
	}
	return findings, proven
}

// unproven says that a login is all that is known of a credential.
func unproven(o Observation, target Target, username string) []finding.Finding {
	if target.Image != nil || o.Standings[username].Pull == registry.RightGranted {
		return nil
	}
	reason := "no task definition names an image of this registry with the secret"
	switch {
	case o.Uses.Unknown != "":
		reason = fmt.Sprintf("the task definitions can't be read (%s)", o.Uses.Unknown)
	case o.Uses.Partial:
		reason = fmt.Sprintf("none of the first %d families of task definitions names an image of this registry with the secret", maxFamilies)
	case len(o.imagesInUse(target)) > 0:
		reason = "none of the images that task definitions name can be pulled"
	}
	return []finding.Finding{pullUnproven.With(finding.Clause("why", reason))}
}
