// Package configobject judges objects in S3, ecs.config and environment files,
// version by version, and leaves the verdict as tags on the version that it was
// given for. What a file's lines mean is the judges' knowledge; what an object,
// a version and a tag are is known here.
package configobject

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/ecs-guardrails/ecs-guardrails/shared/configbucket"
	"github.com/ecs-guardrails/ecs-guardrails/shared/ecsconfig"
	"github.com/ecs-guardrails/ecs-guardrails/shared/environmentfile"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/function"
	"github.com/ecs-guardrails/ecs-guardrails/shared/instancerole"
	"github.com/ecs-guardrails/ecs-guardrails/shared/memory"
	"github.com/ecs-guardrails/ecs-guardrails/shared/pipeline"
	"github.com/ecs-guardrails/ecs-guardrails/shared/secret"
)

// Name of the function.
const Name = function.ValidateConfig

// Judge says what the readers of the file with a key make of its bytes. No
// finding may show a secret of the file.
type Judge func(key string, content []byte) Judgement

// Judgement is what a file says.
type Judgement struct {
	Findings []finding.Finding
	// Cluster is the one that the file names, nil where it names none.
	Cluster *NamedCluster
	// Credentials are those that the agent would pull with.
	Credentials []NamedCredential
}

// Judges are the judges of each kind of file.
type Judges struct {
	ConfigFile, EnvironmentFile Judge
}

// JudgeConfigFile reads an ecs.config as ecs-init and systemd do, whatever its
// key: the instance copies it to /etc/ecs/ecs.config.
func JudgeConfigFile(_ string, content []byte) Judgement {
	file := ecsconfig.Parse(content)
	return Judgement{Findings: file.JudgePart(), Cluster: namedCluster(file), Credentials: namedCredentials(content, file.Registries())}
}

// JudgeEnvironmentFile reads an environment file as the agent does, which takes
// it by its key.
func JudgeEnvironmentFile(key string, content []byte) Judgement {
	return Judgement{Findings: append(environmentfile.JudgeName(key), environmentfile.Judge(content)...)}
}

// ObjectReader is what reading a version needs of S3.
type ObjectReader interface {
	GetObject(context.Context, *s3.GetObjectInput, ...func(*s3.Options)) (*s3.GetObjectOutput, error)
	GetObjectTagging(context.Context, *s3.GetObjectTaggingInput, ...func(*s3.Options)) (*s3.GetObjectTaggingOutput, error)
	GetObjectAcl(context.Context, *s3.GetObjectAclInput, ...func(*s3.Options)) (*s3.GetObjectAclOutput, error)
	ListObjectVersions(context.Context, *s3.ListObjectVersionsInput, ...func(*s3.Options)) (*s3.ListObjectVersionsOutput, error)
}

// ObjectWriter is what recording a verdict, and restoring a version, needs of S3.
type ObjectWriter interface {
	PutObjectTagging(context.Context, *s3.PutObjectTaggingInput, ...func(*s3.Options)) (*s3.PutObjectTaggingOutput, error)
	HeadObject(context.Context, *s3.HeadObjectInput, ...func(*s3.Options)) (*s3.HeadObjectOutput, error)
	PutObject(context.Context, *s3.PutObjectInput, ...func(*s3.Options)) (*s3.PutObjectOutput, error)
}

// Storage is the part of S3's client that the function needs.
type Storage interface {
	ObjectReader
	ObjectWriter
	configbucket.Reader
}

// Identity tells whose account this is.
type Identity interface {
	GetCallerIdentity(context.Context, *sts.GetCallerIdentityInput, ...func(*sts.Options)) (*sts.GetCallerIdentityOutput, error)
}

// Clients are the clients of the function: AWS's, and one of registries, which
// is asked only where the settings want it.
type Clients struct {
	Storage    Storage
	Clusters   ClusterDescriber
	Roles      RoleReader
	Account    configbucket.AccountReader
	Identity   Identity
	Registries RegistryClient
	// Judges are this package's own where they are nil.
	Judges Judges
	// Region is the function's own.
	Region string
}

// New makes the function; now is its clock, which also tells how old what is
// remembered is.
func New(settings Settings, clients Clients, now func() time.Time) *pipeline.Function[Object, Observation, pipeline.NoQuestion, Action] {
	if clients.Judges.ConfigFile == nil {
		clients.Judges.ConfigFile = JudgeConfigFile
	}
	if clients.Judges.EnvironmentFile == nil {
		clients.Judges.EnvironmentFile = JudgeEnvironmentFile
	}
	observer := observer{
		settings: settings,
		judges:   clients.Judges,
		Clients:  clients,
		region:   clients.Region,
		buckets:  memory.New[configbucket.Posture](now, maxRemembered, soundFor, faultyFor),
		clusters: memory.New[clusterState](now, maxRemembered, soundFor, faultyFor),
		accounts: memory.New[string](now, maxRemembered, soundFor, faultyFor),
		logins:   memory.New[loginState](now, maxRemembered, soundFor, faultyFor),
		roles:    memory.New[[]instancerole.Role](now, maxRemembered, rolesFor, faultyFor),
		access:   memory.New[[]string](now, maxRemembered, soundFor, faultyFor),
		now:      now,
	}
	applier := applier{clients.Storage}
	return &pipeline.Function[Object, Observation, pipeline.NoQuestion, Action]{
		Name:     Name,
		Mode:     settings.Mode,
		Subjects: settings.subjects,
		Observe:  observer.observe,
		Plan:     settings.plan,
		Describe: Action.describe,
		Apply:    applier.apply,
	}
}

// Action puts the whole set of tags on a version, or, where Restore is set, a
// good version back on top of it.
type Action struct {
	Object Object
	// ETag of the content that was judged, quoted as S3 gives it.
	ETag    string
	Tags    []Tag
	Restore *GoodVersion
}

// GoodVersion is an earlier version that is not invalid.
type GoodVersion struct {
	ID      string
	Content secret.Text
	Tags    []Tag
	// Properties are S3's own about the object: what Content-Type and the like
	// it was stored with, and how it was encrypted.
	Properties s3.PutObjectInput
}

func (a Action) describe() finding.Action {
	if a.Restore != nil {
		return finding.Action{Kind: "PutObject", Target: a.Object.address(), Summary: "version " + a.Restore.ID + " goes back on top"}
	}
	summary := ""
	for _, tag := range a.Tags {
		if tag.Key == TagStatus {
			summary = fmt.Sprintf("%s=%s", tag.Key, tag.Value)
		}
	}
	return finding.Action{Kind: "PutObjectTagging", Target: a.Object.address(), Summary: summary, Note: true}
}
