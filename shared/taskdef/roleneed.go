package taskdef

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/ecs-guardrails/ecs-guardrails/shared/escape"
	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/image"
	"github.com/ecs-guardrails/ecs-guardrails/shared/lazyregexp"
	"github.com/ecs-guardrails/ecs-guardrails/shared/logarn"
	"github.com/ecs-guardrails/ecs-guardrails/shared/secretshape"
)

// need is a permission that ECS uses as the execution role.
type need struct {
	action, resource string
	// code is the finding's where the role lacks it, and purpose says what for.
	code, purpose string
	cure          cure
	// secret has the tags that the resource's conditions can ask for.
	secret *RegistrySecret
}

// cure is how the role can get a permission from us.
type cure int

const (
	// byOwner: only the role's owner can give it; the finding has the statement.
	byOwner cure = iota
	// byGrant: a statement in the secret's resource policy, for this role alone.
	byGrant
	// byManagedPolicy: AWS's AmazonECSTaskExecutionRolePolicy.
	byManagedPolicy
)

// secretARN gives the secret that the need is to read, where its own policy may let
// the role in; "" for any other need.
func (n need) secretARN() string {
	if n.action != getSecretValue || strings.HasSuffix(n.resource, anySuffix) {
		return ""
	}
	return n.resource
}

// permission is what to allow, in words.
func (n need) permission() string {
	return n.action + " on " + strings.Join(strings.Fields(escape.Line(n.shownResource())), " ")
}

// statement is what allows it, in a policy of the role's.
func (n need) statement() string {
	return fmt.Sprintf(`{"Effect": "Allow", "Action": %q, "Resource": %q}`, n.action, n.shownResource())
}

// shownResource is the resource, or a word in its place where a part of it is a
// credential: it is made of what stands in the definition.
func (n need) shownResource() string {
	if secretshape.Find(n.resource) != "" {
		return "RESOURCE"
	}
	return n.resource
}

// undecided gives those of an answer's missing keys that can matter to the need:
// the simulator names the keys of all the role's policies, also of statements
// about the actions of other services, which know other keys.
func (n need) undecided(missing []string) []string {
	service, _, _ := strings.Cut(n.action, ":")
	return slices.DeleteFunc(slices.Clone(missing), func(key string) bool {
		text, name, _ := strings.Cut(strings.ToLower(key), ":")
		told := n.secret != nil && n.action == getSecretValue && strings.HasPrefix(name, "resourcetag/")
		return told || text != "aws" && text != service
	})
}

// keyID matches the id of a KMS key; an alias does not tell the key.
var keyID = lazyregexp.New(`^(?:mrk-[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$`)

// arn makes an ARN in the definition's place.
func (p Place) arn(service, resource string) string {
	return strings.Join([]string{"arn", p.Partition, service, p.Region, p.Account, resource}, ":")
}

// role gives the ARN of a role, which ECS also takes by its name alone.
func (p Place) role(named string) string {
	if named == "" || strings.Contains(named, ":") {
		return named
	}
	return "arn:" + p.Partition + ":iam::" + p.Account + ":role/" + named
}

// roleNeeds lists what the execution role must be allowed to do for the
// definition as it will be ("Amazon ECS task execution IAM role"). Also on EC2 the
// agent pulls from Amazon ECR, and sets awslogs up, as the execution role where
// there is one (agent/api/container, ShouldPullWithExecutionRole; agent/api/task,
// logsAuthStrategy).
func (j *judgement) roleNeeds() []need {
	place := j.place()
	var needs []need
	for i, container := range j.Definition.ContainerDefinitions {
		if credential := j.credentialAfter(i); credential != "" {
			needs = append(needs, j.credentialNeeds(credential)...)
		}
		for _, file := range container.EnvironmentFiles {
			needs = append(needs, objectNeeds(aws.ToString(file.Value), "the environment file")...)
		}
		if router := container.FirelensConfiguration; router != nil && router.Options["config-file-type"] == "s3" {
			needs = append(needs, objectNeeds(router.Options["config-file-value"], "the FireLens configuration")...)
		}
		for _, credentialSpec := range container.CredentialSpecs {
			// "credentialspec:ARN", or "credentialspecdomainless:ARN".
			_, value, _ := strings.Cut(credentialSpec, ":")
			needs = append(needs, j.valueNeeds(value)...)
			needs = append(needs, objectNeeds(value, "the credential spec")...)
		}
		if log := container.LogConfiguration; log != nil && log.LogDriver == types.LogDriverAwslogs {
			needs = append(needs, j.logNeeds(aws.ToString(container.Name), log.Options)...)
		}
		needs = append(needs, ecrNeeds(place, aws.ToString(container.Image))...)
	}
	for _, reference := range j.references() {
		switch {
		case reference.secret != "":
			needs = append(needs, j.secretNeeds(reference.secret, byOwner)...)
		case strings.HasPrefix(reference.parameter, "arn:"):
			needs = append(needs, j.valueNeeds(reference.parameter)...)
		case reference.parameter != "":
			needs = append(needs, need{action: "ssm:GetParameters", resource: place.arn("ssm", "parameter/"+strings.TrimPrefix(reference.parameter, "/")),
				code: "execution-role-secret", purpose: "read the parameter " + finding.Shown(reference.parameter)})
		}
	}
	for _, volume := range j.Definition.Volumes {
		if share := volume.FsxWindowsFileServerVolumeConfiguration; share != nil && share.AuthorizationConfig != nil {
			needs = append(needs, j.valueNeeds(aws.ToString(share.AuthorizationConfig.CredentialsParameter))...)
		}
	}
	needs = slices.DeleteFunc(needs, func(n need) bool { return j.leftOpen(n.resource) })
	// What we can give comes before the same need where only its owner can.
	slices.SortStableFunc(needs, func(a, b need) int {
		return strings.Compare(fmt.Sprint(a.code, " ", a.action, " ", a.resource, " ", 9-a.cure), fmt.Sprint(b.code, " ", b.action, " ", b.resource, " ", 9-b.cure))
	})
	return slices.CompactFunc(needs, func(a, b need) bool { return a.action == b.action && a.resource == b.resource })
}

// credentialAfter is a container's credential once the edits are made.
func (j *judgement) credentialAfter(i int) string {
	for _, edit := range j.edits {
		if edit.Field == RepositoryCredentials && edit.Container == i {
			return edit.Value
		}
	}
	return credentialOf(j.Definition.ContainerDefinitions[i])
}

func (j *judgement) credentialNeeds(credential string) []need {
	given := byOwner
	if secret := j.taggedSecret(credential); secret != nil && secret.isFor(aws.ToString(j.Definition.Family)) && j.trusts(secret.Name) {
		given = byGrant
	}
	return j.secretNeeds(credential, given)
}

// secretNeeds are what reading a secret takes.
func (j *judgement) secretNeeds(name string, given cure) []need {
	parsed, err := ParseCredential(name)
	if err != nil {
		return nil
	}
	place, secret := j.place(), j.secretOf(name)
	if secret == nil {
		if parsed.Account == "" {
			name = place.arn("secretsmanager", "secret:"+name)
		}
		return []need{{action: getSecretValue, resource: withSuffix(name), code: "execution-role-secret", purpose: "read the secret " + shownSecret(last(name[strings.LastIndexByte(name, ':')+1:]))}}
	}
	needs := []need{{
		action: getSecretValue, resource: secret.ARN, secret: secret, cure: given,
		code: "execution-role-secret", purpose: "read the secret " + finding.Shown(secret.Name),
	}}
	if key := keyARN(place, secret.KMSKey); key != "" {
		needs = append(needs, need{
			action: "kms:Decrypt", resource: key, secret: secret,
			code: "execution-role-key", purpose: fmt.Sprintf("decrypt the secret %s with its key", finding.Shown(secret.Name)),
		})
	}
	return needs
}

// secretOf gives what is known of the secret that a name means, or nil.
func (j *judgement) secretOf(name string) *RegistrySecret {
	if secret := j.taggedSecret(name); secret != nil {
		return secret
	}
	if named, ok := j.Named[name]; ok && named.ARN != "" && name != "" {
		return &named.RegistrySecret
	}
	return nil
}

const getSecretValue = "secretsmanager:GetSecretValue"

// anySuffix stands for the characters that Secrets Manager adds to a name.
const anySuffix = "-aaaaaa"

// suffixed matches an ARN that may have them already. A secret that is called
// db-secret looks like it, too.
var suffixed = lazyregexp.New(`-[A-Za-z0-9]{6}$`)

// withSuffix gives an ARN as policies have to match it: ECS takes one without
// the six characters, Secrets Manager judges the whole one.
func withSuffix(arn string) string {
	if suffixed.MatchString(arn) {
		return arn
	}
	return arn + anySuffix
}

// keyARN gives the ARN of a customer-managed key that a secret is encrypted with,
// "" for the account's default key, which lets everybody in the account use it by
// way of Secrets Manager, and where only an alias is known.
func keyARN(place Place, key string) string {
	switch {
	case keyID.MatchString(key):
		return place.arn("kms", "key/"+key)
	case strings.HasPrefix(key, "arn:") && strings.Contains(key, ":key/"):
		return key
	}
	return ""
}

// valueNeeds reads the ARN of a secret or parameter, where only ARNs may stand.
func (j *judgement) valueNeeds(value string) []need {
	parts := strings.Split(value, ":")
	switch {
	case len(parts) >= 7 && parts[0] == "arn" && parts[2] == "secretsmanager":
		return j.secretNeeds(strings.Join(parts[:7], ":"), byOwner)
	case len(parts) == 6 && parts[0] == "arn" && parts[2] == "ssm" && parameterName.MatchString(parts[5]):
		return []need{{action: "ssm:GetParameters", resource: value, code: "execution-role-secret", purpose: "read the " + finding.Shown(parts[5])}}
	}
	return nil
}

// objectNeeds are what reading an object in S3 takes: a file that ECS fetches
// before the containers start.
func objectNeeds(value, what string) []need {
	match := objectARN.FindStringSubmatch(value)
	if match == nil {
		return nil
	}
	bucket := strings.TrimSuffix(value, "/"+match[2])
	return []need{
		{action: "s3:GetObject", resource: value, code: "execution-role-environment-file", purpose: "read " + what + " " + finding.Shown(match[2])},
		{action: "s3:GetBucketLocation", resource: bucket, code: "execution-role-environment-file", purpose: "find the bucket " + match[1]},
	}
}

// logGroupForm is what CloudWatch Logs lets a group's name be.
var logGroupForm = lazyregexp.New(`^[A-Za-z0-9._/#-]{1,512}$`)

// regionForm is what Regions are called.
var regionForm = lazyregexp.New(`^[a-z]{2,4}(-[a-z]+)+-\d{1,2}$`)

// logNeeds are what sending a container's logs takes. The agent names a stream
// PREFIX/CONTAINER/TASK, and by the container's id where there is no prefix.
func (j *judgement) logNeeds(container string, options map[string]string) []need {
	place, group := j.place(), options["awslogs-group"]
	// It stands in the findings about the role.
	if !logGroupForm.MatchString(group) || secretshape.IsMisplaced(group) {
		return nil
	}
	if region := options["awslogs-region"]; regionForm.MatchString(region) {
		place.Region = region
	} else if region != "" {
		return nil
	}
	name := strings.Repeat("0", 64)
	if prefix := options["awslogs-stream-prefix"]; prefix != "" {
		if !logGroupForm.MatchString(prefix) || !nameForm.MatchString(container) {
			return nil
		}
		name = prefix + "/" + container + "/" + strings.Repeat("0", 32)
	}
	stream := logarn.Stream(place.Partition, place.Region, place.Account, group, name)
	purpose := "write to the log group " + finding.Shown(group)
	needs := []need{
		{action: "logs:CreateLogStream", resource: stream, cure: byManagedPolicy, code: "execution-role-logs", purpose: purpose},
		{action: "logs:PutLogEvents", resource: stream, cure: byManagedPolicy, code: "execution-role-logs", purpose: purpose},
	}
	if options["awslogs-create-group"] == "true" {
		needs = append(needs, need{action: "logs:CreateLogGroup", resource: logarn.Group(place.Partition, place.Region, place.Account, group),
			code: "execution-role-logs", purpose: "create the log group " + finding.Shown(group)})
	}
	return needs
}

func ecrNeeds(place Place, text string) []need {
	reference, err := image.Parse(text)
	if err != nil {
		return nil
	}
	registry, private := reference.ECR()
	if !private {
		return nil
	}
	place.Region, place.Account = registry.Region, registry.Account
	repository := place.arn("ecr", "repository/"+reference.Path)
	needs := []need{{action: "ecr:GetAuthorizationToken", resource: "*", cure: byManagedPolicy, code: "execution-role-ecr", purpose: "log in to Amazon ECR"}}
	for _, action := range []string{"ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"} {
		needs = append(needs, need{action: action, resource: repository, cure: byManagedPolicy, code: "execution-role-ecr", purpose: "pull " + reference.String()})
	}
	return needs
}
