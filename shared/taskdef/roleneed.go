package taskdef

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"ecsguardrails/shared/finding"
	"ecsguardrails/shared/image"
	"ecsguardrails/shared/lazyregexp"
)

// need is a permission that ECS uses as the execution role.
type need struct {
	action, resource string
	// code is the finding's where the role lacks it, and purpose says what for.
	code, purpose string
	// policy is the ARN of the stack's policy that grants it, or "".
	policy string
	// secret has the tags that the resource's conditions can ask for.
	secret *RegistrySecret
}

// undecided gives those of an answer's missing keys that can matter to the need:
// the simulator names the keys of all the role's policies, also of statements
// about the actions of other services, which know other keys.
func (n need) undecided(missing []string) []string {
	service, _, _ := strings.Cut(n.action, ":")
	return slices.DeleteFunc(slices.Clone(missing), func(key string) bool {
		of, name, _ := strings.Cut(strings.ToLower(key), ":")
		told := n.secret != nil && n.action == getSecretValue && strings.HasPrefix(name, "resourcetag/")
		return told || of != "aws" && of != service
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
// definition as it will be ("Amazon ECS task execution IAM role").
func (j *judgement) roleNeeds() []need {
	at := j.place()
	withoutInstanceRole := j.withoutInstanceRole() != ""
	var needs []need
	for i, container := range j.Definition.ContainerDefinitions {
		if credential := j.credentialAfter(i); credential != "" {
			needs = append(needs, j.credentialNeeds(at, credential)...)
		}
		for _, secret := range container.Secrets {
			needs = append(needs, valueNeed(at, aws.ToString(secret.ValueFrom))...)
		}
		for _, file := range container.EnvironmentFiles {
			needs = append(needs, j.objectNeeds(aws.ToString(file.Value), "the environment file")...)
		}
		if router := container.FirelensConfiguration; router != nil && router.Options["config-file-type"] == "s3" {
			needs = append(needs, j.objectNeeds(router.Options["config-file-value"], "the FireLens configuration")...)
		}
		for _, credentialSpec := range container.CredentialSpecs {
			// "credentialspec:ARN", or "credentialspecdomainless:ARN".
			_, value, _ := strings.Cut(credentialSpec, ":")
			needs = append(needs, valueNeed(at, arnOnly(value))...)
			needs = append(needs, j.objectNeeds(value, "the credential spec")...)
		}
		if log := container.LogConfiguration; log != nil {
			for _, secret := range log.SecretOptions {
				needs = append(needs, valueNeed(at, aws.ToString(secret.ValueFrom))...)
			}
			if withoutInstanceRole && log.LogDriver == types.LogDriverAwslogs {
				needs = append(needs, j.logNeeds(at, log.Options)...)
			}
		}
		if withoutInstanceRole {
			needs = append(needs, j.ecrNeeds(at, aws.ToString(container.Image))...)
		}
	}
	for _, volume := range j.Definition.Volumes {
		if share := volume.FsxWindowsFileServerVolumeConfiguration; share != nil && share.AuthorizationConfig != nil {
			needs = append(needs, valueNeed(at, arnOnly(aws.ToString(share.AuthorizationConfig.CredentialsParameter)))...)
		}
	}
	needs = slices.DeleteFunc(needs, func(n need) bool { return j.leftOpen(n.resource) })
	return slices.CompactFunc(sorted(needs), func(a, b need) bool { return a.action == b.action && a.resource == b.resource })
}

func sorted(needs []need) []need {
	slices.SortStableFunc(needs, func(a, b need) int {
		return strings.Compare(a.code+" "+a.action+" "+a.resource, b.code+" "+b.action+" "+b.resource)
	})
	return needs
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

func (j *judgement) credentialNeeds(at Place, credential string) []need {
	name, err := ParseCredential(credential)
	if err != nil {
		return nil
	}
	secret := j.secretOf(credential)
	if secret == nil {
		if name.Account == "" {
			credential = at.arn("secretsmanager", "secret:"+credential)
		}
		return []need{{action: getSecretValue, resource: withSuffix(credential), code: "execution-role-secret", purpose: "read the secret " + finding.Shortened(credential)}}
	}
	policy := ""
	if _, tagged := secret.Tags[TagRegistry]; tagged {
		policy = j.RegistrySecretsPolicyARN
	}
	needs := []need{{
		action: getSecretValue, resource: secret.ARN, secret: secret, policy: policy,
		code: "execution-role-secret", purpose: "read the secret " + secret.Name,
	}}
	if key := keyARN(at, secret.KMSKey); key != "" {
		needs = append(needs, need{
			action: "kms:Decrypt", resource: key, secret: secret, policy: policy,
			code: "execution-role-key", purpose: fmt.Sprintf("decrypt the secret %s with its key", secret.Name),
		})
	}
	return needs
}

// secretOf gives what is known of the secret that a credential names, or nil.
func (j *judgement) secretOf(credential string) *RegistrySecret {
	if credential == "" {
		return nil
	}
	if i := slices.IndexFunc(j.Secrets, func(s RegistrySecret) bool { return s.isNamedBy(credential) }); i >= 0 {
		return &j.Secrets[i]
	}
	if named, ok := j.Named[credential]; ok && named.ARN != "" {
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

// keyARN gives the ARN of a customer-managed key, where it can be told.
func keyARN(at Place, key string) string {
	switch {
	case strings.HasPrefix(key, "arn:") && strings.Contains(key, ":key/"):
		return key
	case keyID.MatchString(key):
		return at.arn("kms", "key/"+key)
	}
	return ""
}

// valueNeed reads a valueFrom: a secret's ARN, with or without key, stage and
// version behind it, or a parameter's ARN or name.
func valueNeed(at Place, value string) []need {
	parts := strings.Split(value, ":")
	switch {
	case len(parts) >= 7 && parts[2] == "secretsmanager":
		return []need{{action: getSecretValue, resource: withSuffix(strings.Join(parts[:7], ":")), code: "execution-role-secret", purpose: "read the secret " + finding.Shortened(parts[6])}}
	case len(parts) == 6 && parts[2] == "ssm":
		return []need{{action: "ssm:GetParameters", resource: value, code: "execution-role-secret", purpose: "read the " + finding.Shortened(parts[5])}}
	case len(parts) == 1 && value != "":
		return []need{{action: "ssm:GetParameters", resource: at.arn("ssm", "parameter/"+strings.TrimPrefix(value, "/")), code: "execution-role-secret", purpose: "read the parameter " + finding.Shortened(value)}}
	}
	return nil
}

// objectNeeds are what reading an object in S3 takes: a file that ECS fetches
// before the containers start.
func (j *judgement) objectNeeds(value, what string) []need {
	match := objectARN.FindStringSubmatch(value)
	if match == nil {
		return nil
	}
	bucket := strings.TrimSuffix(value, "/"+match[2])
	policy := ""
	if j.ConfigBucket != "" && match[1] == j.ConfigBucket {
		policy = j.ConfigPolicyARN
	}
	return []need{
		{action: "s3:GetObject", resource: value, policy: policy, code: "execution-role-environment-file", purpose: "read " + what + " " + finding.Shortened(match[2])},
		{action: "s3:GetBucketLocation", resource: bucket, policy: policy, code: "execution-role-environment-file", purpose: "find the bucket " + match[1]},
	}
}

// arnOnly gives an ARN, and "" for a name: where only ARNs may stand.
func arnOnly(value string) string {
	if strings.HasPrefix(value, "arn:") {
		return value
	}
	return ""
}

// logNeeds names streams as CloudWatch's own refusals do: below the group.
func (j *judgement) logNeeds(at Place, options map[string]string) []need {
	group := options["awslogs-group"]
	if group == "" {
		return nil
	}
	if region := options["awslogs-region"]; region != "" {
		at.Region = region
	}
	stream := at.arn("logs", "log-group:"+group+":log-stream:"+options["awslogs-stream-prefix"])
	purpose := "write to the log group " + finding.Shortened(group)
	needs := []need{
		{action: "logs:CreateLogStream", resource: stream, policy: j.LogsPolicyARN, code: "execution-role-logs", purpose: purpose},
		{action: "logs:PutLogEvents", resource: stream, policy: j.LogsPolicyARN, code: "execution-role-logs", purpose: purpose},
	}
	if options["awslogs-create-group"] == "true" {
		needs = append(needs, need{action: "logs:CreateLogGroup", resource: at.arn("logs", "log-group:"+group+":log-stream:"), policy: j.LogsPolicyARN,
			code: "execution-role-logs", purpose: "create the log group " + finding.Shortened(group)})
	}
	return needs
}

func (j *judgement) ecrNeeds(at Place, text string) []need {
	reference, err := image.Parse(text)
	if err != nil {
		return nil
	}
	registry, private := reference.ECR()
	if !private {
		return nil
	}
	at.Region, at.Account = registry.Region, registry.Account
	repository := at.arn("ecr", "repository/"+reference.Path)
	needs := []need{{action: "ecr:GetAuthorizationToken", resource: "*", policy: j.ECRPolicyARN, code: "execution-role-ecr", purpose: "log in to Amazon ECR"}}
	for _, action := range []string{"ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"} {
		needs = append(needs, need{action: action, resource: repository, policy: j.ECRPolicyARN, code: "execution-role-ecr", purpose: "pull " + reference.String()})
	}
	return needs
}
