// Package configobject judges objects in S3, ecs.config and environment files,
// version by version, and leaves the verdict as tags on the version that it was
// given for. What a file's lines mean is the judges' knowledge; what an object,
// a version and a tag are is known here.
package configobject

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"ecsguardrails/shared/finding"
	"ecsguardrails/shared/pipeline"
)

// Name of the function.
const Name = "validate-config"

// Judge says what the readers of a file make of its bytes. No finding may show
// a secret of the file.
type Judge func(content []byte) []finding.Finding

// Judges are the judges of each kind of file.
type Judges struct {
	ConfigFile, EnvironmentFile Judge
}

// ObjectReader is what reading a version needs of S3.
type ObjectReader interface {
	GetObject(context.Context, *s3.GetObjectInput, ...func(*s3.Options)) (*s3.GetObjectOutput, error)
	GetObjectTagging(context.Context, *s3.GetObjectTaggingInput, ...func(*s3.Options)) (*s3.GetObjectTaggingOutput, error)
}

// ObjectTagger is what recording a verdict needs of S3.
type ObjectTagger interface {
	PutObjectTagging(context.Context, *s3.PutObjectTaggingInput, ...func(*s3.Options)) (*s3.PutObjectTaggingOutput, error)
	HeadObject(context.Context, *s3.HeadObjectInput, ...func(*s3.Options)) (*s3.HeadObjectOutput, error)
}

// Objects is the part of S3's client that the function needs.
type Objects interface {
	ObjectReader
	ObjectTagger
}

// New makes the function. Keys of a kind that has no judge are not ours.
func New(settings Settings, judges Judges, objects Objects) *pipeline.Function[Object, Observation, Action] {
	if judges.EnvironmentFile == nil {
		settings.EnvironmentFileSuffixes = nil
	}
	observer := observer{objects: objects, judges: judges}
	applier := applier{objects}
	return &pipeline.Function[Object, Observation, Action]{
		Name:     Name,
		Mode:     settings.Mode,
		Subjects: settings.subjects,
		Observe:  observer.observe,
		Plan:     plan,
		Describe: Action.describe,
		Apply:    applier.apply,
	}
}

// Action puts the whole set of tags on a version.
type Action struct {
	Object Object
	// ETag of the content that was judged, quoted as S3 gives it.
	ETag string
	Tags []Tag
}

func (a Action) describe() finding.Action {
	summary := ""
	for _, tag := range a.Tags {
		if tag.Key == TagStatus {
			summary = fmt.Sprintf("%s=%s", tag.Key, tag.Value)
		}
	}
	return finding.Action{Kind: "PutObjectTagging", Target: a.Object.address(), Summary: summary}
}
