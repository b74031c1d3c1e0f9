package diagnosis

import (
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/ecs-guardrails/ecs-guardrails/shared/image"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry"
	"github.com/ecs-guardrails/ecs-guardrails/shared/stopreason"
)

// Observation is what is known of a failure.
type Observation struct {
	Failure Failure
	// Found says whether what a person or an event named failed at all.
	Found bool
	Sighting
	Now time.Time
	// reads are the calls that may still be made to confirm the cause.
	reads   int
	Answers map[Question]Answer
}

// Kind is what a question is about.
type Kind string

// The kinds of questions. Each but AskImage, which goes to a registry, is one
// call of AWS.
const (
	AskDefinition Kind = "definition"
	AskRight      Kind = "right"
	AskRole       Kind = "role"
	AskSecret     Kind = "secret"
	AskFile       Kind = "file"
	AskImage      Kind = "image"
	AskCluster    Kind = "cluster"
	AskAttributes Kind = "attributes"
	AskService    Kind = "service"
	AskRunning    Kind = "running"
	AskRegistered Kind = "registered"
	AskInstance   Kind = "instance"
	AskProfile    Kind = "profile"
)

// kindNames begin the name of what a question is about, in a sentence.
var kindNames = map[Kind]string{
	AskDefinition: "the task definition", AskRight: "the right to use", AskRole: "the role", AskSecret: "the secret", AskFile: "the file", AskImage: "the image",
	AskCluster: "the cluster", AskAttributes: "the attributes of the instances of", AskService: "the service", AskRunning: "the running tasks of",
	AskRegistered: "the registration of", AskInstance: "the instance", AskProfile: "the instance profile",
}

// Question is about one thing; Role and Action are those of a right.
type Question struct {
	Kind         Kind
	Subject      string
	Role, Action string
}

// Answer is what was read. Fields that don't belong to the question's kind are
// zero.
type Answer struct {
	// Unknown says why there is no answer, "" where there is one.
	Unknown string
	// Gone says that the thing doesn't exist.
	Gone       bool
	Definition *types.TaskDefinition
	// Allowed and Final are a right's: whether it is there, and whether no
	// attached policy can change it.
	Allowed, Final bool
	// Distrusts says that ECS may not assume the role.
	Distrusts bool
	// Deleted is when a secret was scheduled for deletion.
	Deleted time.Time
	// Rotates, Changed and Tags are a secret's.
	Rotates bool
	Changed time.Time
	Tags    map[string]string
	Image   registry.Answer
	// Inactive says that a cluster is not active.
	Inactive bool
	// Attributes are those that all of the instances have, Agent an agent's version.
	Attributes []string
	Agent      string
	// Connected is the agent's.
	Connected bool
	// Started is when a task of the definition began to run.
	Started time.Time
	// Profile is an instance profile's ARN, Role its role's.
	Profile, Role string
	// Status is an instance's state.
	Status string
	// Revision is what a service runs.
	Revision string
}

// causes that need the definition to be told or cured.
var needDefinition = []stopreason.ID{
	"registry-wrong-credential", "registry-no-credential", "registry-rate-limit", "registry-forbidden", "image-denied-or-absent",
	"registry-secret-shape", "secret-key-missing", "secret-not-json", "log-group-gone", "env-file-other", "execution-credentials-absent",
	"ecr-execution-credentials-absent", "log-execution-role", "log-args-invalid", "secret-arn-invalid",
}

// Ask gives the questions whose answers confirm or refute the cause, as far as
// the reads last.
func Ask(o Observation) []Question {
	if o.Told || !o.Found {
		return nil
	}
	if o.Failure.Open != nil {
		return o.unanswered(followUp(*o.Failure.Open)...)
	}
	return o.unanswered(o.confirming()...)
}

// unanswered drops what was asked, and what the reads don't last for.
func (o Observation) unanswered(questions ...Question) []Question {
	var open []Question
	left := o.reads
	for _, q := range questions {
		if _, asked := o.Answers[q]; asked || slices.Contains(open, q) {
			continue
		}
		cost := 1
		if q.Kind == AskImage {
			cost = 0
		}
		if left -= cost; left < 0 {
			break
		}
		open = append(open, q)
	}
	return open
}

// followUp asks whether a reported failure is over.
func followUp(state State) []Question {
	switch {
	case state.Definition != "":
		return []Question{{Kind: AskRunning, Subject: state.Cluster, Role: familyOf(state.Definition)}}
	case state.Instance != "" && state.Cluster != "":
		return []Question{{Kind: AskRegistered, Subject: state.Instance, Role: state.Cluster}}
	default:
		return nil
	}
}

func familyOf(definition string) string { return Failure{Definition: definition}.Family() }

// confirming gives the questions of a cause, those that others depend on first.
func (o Observation) confirming() []Question {
	f := o.Failure
	id := f.Reason.ID
	var questions []Question
	if f.Definition != "" && slices.Contains(needDefinition, id) {
		questions = append(questions, Question{Kind: AskDefinition, Subject: f.Definition})
	}
	if id.IsDenial() {
		return append(questions, o.rights()...)
	}
	switch id {
	case "registry-secret-gone", "secret-gone", "secret-marked-for-deletion":
		if secret := secretID(f.Reason.Object); secret != "" {
			questions = append(questions, Question{Kind: AskSecret, Subject: secret})
		}
	case "env-file-denied", "env-file-gone", "env-file-other":
		questions = append(questions, o.aboutFile()...)
	case "registry-wrong-credential", "registry-no-credential", "image-denied-or-absent", "registry-forbidden", "registry-rate-limit":
		questions = append(questions, o.aboutImage()...)
	case "role-not-assumable":
		questions = append(questions, Question{Kind: AskRole, Subject: f.Reason.Named.Role})
	case "execution-credentials-absent", "ecr-execution-credentials-absent":
		if role := o.executionRole(); role != "" {
			questions = append(questions, Question{Kind: AskRole, Subject: lastPart(role)})
		}
	case stopreason.ClusterAbsent:
		questions = append(questions, Question{Kind: AskCluster, Subject: f.Cluster})
	case "place-attribute":
		questions = append(questions, o.aboutAttributes()...)
	case stopreason.NotRegistered:
		questions = append(questions, o.aboutInstance()...)
	}
	return questions
}

// definition is the one that was read, nil where it wasn't.
func (o Observation) definition() *types.TaskDefinition {
	return o.Answers[Question{Kind: AskDefinition, Subject: o.Failure.Definition}].Definition
}

// executionRole is the definition's, by ARN.
func (o Observation) executionRole() string {
	if d := o.definition(); d != nil && d.ExecutionRoleArn != nil {
		return *d.ExecutionRoleArn
	}
	return ""
}

// role gives the ARN of the role that was refused.
func (o Observation) role() string {
	f := o.Failure
	switch {
	case f.Role != "":
		return f.Role
	case f.Reason.Named.Role != "" && f.Account != "":
		if role := o.executionRole(); role != "" && lastPart(role) == f.Reason.Named.Role {
			return role
		}
		// The session's ARN has no path.
		return "arn:" + f.Partition + ":iam::" + f.Account + ":role/" + f.Reason.Named.Role
	default:
		return o.executionRole()
	}
}

// isInstanceRole reports whether the refused role is an instance's: its session
// is named by the instance.
func (o Observation) isInstanceRole() bool {
	return o.Failure.Role != "" || instanceID.MatchString(o.Failure.Reason.Named.Session)
}

// neededRights are what each cause says is missing.
var neededRights = map[stopreason.ID]string{
	"ecr-token-denied": "ecr:GetAuthorizationToken", "ecr-pull-denied": "ecr:BatchGetImage",
	"registry-secret-denied": "secretsmanager:GetSecretValue", "secret-denied": "secretsmanager:GetSecretValue",
	"ssm-denied": "ssm:GetParameters", "secret-kms-denied": "kms:Decrypt", "log-denied": "logs:CreateLogStream",
	"env-file-denied": "s3:GetObject", stopreason.RegistrationDenied: "ecs:RegisterContainerInstance",
}

// right is what the role lacks, as the text says it.
func (o Observation) right() (action, resource string) {
	f := o.Failure
	named := f.Reason.Named
	action = neededRights[f.Reason.ID]
	if named.Action != "" && f.Reason.ID != "env-file-denied" {
		action = named.Action
	}
	resource = "*"
	switch f.Reason.ID {
	case "ecr-pull-denied":
		resource = named.Repository
	case "registry-secret-denied", "secret-denied":
		resource = secretARN(named.Secret)
	case "ssm-denied":
		resource = named.Parameter
	case "secret-kms-denied":
		resource = named.Key
	case "log-denied":
		if named.LogGroup != "" {
			resource = "arn:" + f.Partition + ":logs:" + f.Region + ":" + f.Account + ":log-group:" + named.LogGroup + ":log-stream:*"
		}
	case "env-file-denied":
		resource = "arn:" + f.Partition + ":s3:::" + strings.TrimPrefix(f.Reason.Object, "s3://")
	case stopreason.RegistrationDenied:
		resource = "arn:" + f.Partition + ":ecs:" + f.Region + ":" + f.Account + ":cluster/" + f.Cluster
	}
	if !strings.HasPrefix(resource, "arn:") {
		resource = "*"
	}
	return action, resource
}

func (o Observation) rights() []Question {
	// What says which policy denied needs no simulation.
	if o.Failure.Reason.DeniedBy != "" {
		return nil
	}
	role := o.role()
	if role == "" {
		return nil
	}
	action, resource := o.right()
	return []Question{{Kind: AskRight, Subject: resource, Role: role, Action: action}}
}

// secretARN cuts what valueFrom has behind a secret's ARN.
func secretARN(valueFrom string) string {
	parts := strings.SplitN(valueFrom, ":", 8)
	if len(parts) > 7 {
		parts = parts[:7]
	}
	return strings.Join(parts, ":")
}

// secretID is what DescribeSecret takes, "" where the text has none.
func secretID(object string) string {
	if strings.HasPrefix(object, "arn:") {
		return secretARN(object)
	}
	if strings.ContainsAny(object, " {}") {
		return ""
	}
	return object
}

// aboutFile asks whether the file is there, and if so whether the role may read it.
func (o Observation) aboutFile() []Question {
	file := o.file()
	if file == "" {
		if o.Failure.Definition == "" {
			return nil
		}
		return []Question{{Kind: AskDefinition, Subject: o.Failure.Definition}}
	}
	questions := []Question{{Kind: AskFile, Subject: file}}
	answer, asked := o.Answers[questions[0]]
	if asked && !answer.Gone && answer.Unknown == "" && o.Failure.Reason.ID == "env-file-denied" {
		if role := o.role(); role != "" {
			return append(questions, Question{Kind: AskRight, Subject: "arn:" + o.Failure.Partition + ":s3:::" + strings.TrimPrefix(file, "s3://"), Role: role, Action: "s3:GetObject"})
		}
		return append(questions, Question{Kind: AskDefinition, Subject: o.Failure.Definition})
	}
	return questions
}

// file is the environment file that the text or the definition names.
func (o Observation) file() string {
	if strings.HasPrefix(o.Failure.Reason.Object, "s3://") {
		return o.Failure.Reason.Object
	}
	d := o.definition()
	if d == nil {
		return ""
	}
	for _, container := range d.ContainerDefinitions {
		for _, file := range container.EnvironmentFiles {
			if file.Value != nil {
				if _, rest, found := strings.Cut(*file.Value, ":s3:::"); found {
					return "s3://" + rest
				}
			}
		}
	}
	return ""
}

// image is the failed container's.
func (o Observation) image() string {
	if o.Failure.Image != "" {
		return o.Failure.Image
	}
	return o.Failure.Reason.Named.Image
}

// credential is the secret that the definition names for the image.
func (o Observation) credential() string {
	d := o.definition()
	if d == nil {
		return ""
	}
	for _, container := range d.ContainerDefinitions {
		if container.RepositoryCredentials == nil || container.RepositoryCredentials.CredentialsParameter == nil {
			continue
		}
		named := container.Name != nil && *container.Name == o.Failure.Container
		if named || (o.Failure.Container == "" && container.Image != nil && (o.image() == "" || sameRepository(*container.Image, o.image()))) {
			return *container.RepositoryCredentials.CredentialsParameter
		}
	}
	return ""
}

func sameRepository(a, b string) bool {
	one, errOne := image.Parse(a)
	two, errTwo := image.Parse(b)
	return errOne == nil && errTwo == nil && one == two
}

// aboutImage asks the registry what it shows without a credential, and what is
// known of the secret that the definition names.
func (o Observation) aboutImage() []Question {
	text := o.image()
	reference, err := image.Parse(text)
	if err != nil {
		return nil
	}
	if _, ecr := reference.ECR(); ecr {
		return nil
	}
	questions := []Question{{Kind: AskImage, Subject: text}}
	if secret := o.credential(); secret != "" {
		questions = append(questions, Question{Kind: AskSecret, Subject: secret})
	}
	return questions
}

// aboutAttributes asks what the definition requires and the instances have.
func (o Observation) aboutAttributes() []Question {
	f := o.Failure
	if f.Definition == "" {
		service := Question{Kind: AskService, Subject: f.Service, Role: f.Cluster}
		answer, asked := o.Answers[service]
		if !asked {
			return []Question{service}
		}
		if answer.Revision == "" {
			return nil
		}
		f.Definition = answer.Revision
	}
	return []Question{
		{Kind: AskDefinition, Subject: f.Definition},
		{Kind: AskAttributes, Subject: f.Cluster, Role: strings.Join(f.ContainerInstances, ",")},
	}
}

// aboutInstance asks what keeps an instance out, from the profile to the role's
// right.
func (o Observation) aboutInstance() []Question {
	instance := Question{Kind: AskInstance, Subject: o.Failure.Instance}
	answer, asked := o.Answers[instance]
	if !asked || answer.Profile == "" {
		return []Question{instance}
	}
	profile := Question{Kind: AskProfile, Subject: lastPart(answer.Profile)}
	role, asked := o.Answers[profile]
	if !asked || role.Role == "" {
		return []Question{profile}
	}
	cluster := "*"
	if o.Failure.Cluster != "" {
		_, region, account, _, _ := arnParts(answer.Profile)
		partition, _, _, _, _ := arnParts(answer.Profile)
		if region == "" {
			region = o.Failure.Region
		}
		cluster = "arn:" + partition + ":ecs:" + region + ":" + account + ":cluster/" + o.Failure.Cluster
	}
	return []Question{{Kind: AskRight, Subject: cluster, Role: role.Role, Action: "ecs:RegisterContainerInstance"}}
}
