package taskdef

import (
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/image"
)

// executionRole sees to the role that ECS pulls with. ECS refuses to register a
// definition with repositoryCredentials and without that role: "Private
// repository authentication requires that the task definition specify a value
// for executionRoleArn".
func (j *judgement) executionRole() {
	if aws.ToString(j.Definition.ExecutionRoleArn) != "" || j.Unregistered != nil && (j.Unregistered.ContainersOnly || j.Unregistered.LogsIn != "") {
		return
	}
	reasons := j.needsExecutionRole()
	if len(reasons) == 0 {
		return
	}
	f := roleMissing.With(finding.Words("reasons", strings.Join(reasons, ", ")))
	if j.ExecutionRoleARN == "" {
		j.block(f)
		return
	}
	j.cure(Edit{Field: ExecutionRoleARN, Value: j.ExecutionRoleARN}, f)
}

// withoutInstanceRole names where the definition is to run without a role of an
// EC2 instance's to get ECR's tokens and to write CloudWatch's logs with, so that
// ECS does it as the execution role; "" for EC2 ("Amazon ECS task execution IAM
// role").
func (j *judgement) withoutInstanceRole() string {
	for _, place := range []struct {
		compatibility types.Compatibility
		name          string
	}{
		{types.CompatibilityFargate, "Fargate"},
		{types.CompatibilityExternal, "external instances"},
		{types.CompatibilityManagedInstances, "ECS Managed Instances"},
	} {
		if slices.Contains(j.Definition.RequiresCompatibilities, place.compatibility) {
			return place.name
		}
	}
	return ""
}

// needsExecutionRole lists what the definition, patched, has that ECS does as
// the execution role.
func (j *judgement) needsExecutionRole() []string {
	reasons := map[string]bool{
		"repositoryCredentials": slices.ContainsFunc(j.edits, func(e Edit) bool { return e.Field == RepositoryCredentials && e.Value != "" }),
	}
	for i, container := range j.Definition.ContainerDefinitions {
		removed := slices.ContainsFunc(j.edits, func(e Edit) bool {
			return e.Field == RepositoryCredentials && e.Container == i && e.Value == ""
		})
		if credentialOf(container) != "" && !removed {
			reasons["repositoryCredentials"] = true
		}
		for reason, is := range containerReasons(container, j.withoutInstanceRole()) {
			reasons[reason] = reasons[reason] || is
		}
	}
	reasons["an FSx file system's credentials"] = slices.ContainsFunc(j.Definition.Volumes, func(v types.Volume) bool {
		return v.FsxWindowsFileServerVolumeConfiguration != nil
	})
	return listed(reasons)
}

func containerReasons(container types.ContainerDefinition, where string) map[string]bool {
	reasons := map[string]bool{
		"secrets":          len(container.Secrets) > 0,
		"environmentFiles": len(container.EnvironmentFiles) > 0,
		"credentialSpecs":  slices.ContainsFunc(container.CredentialSpecs, func(s string) bool { return strings.Contains(s, "arn:aws") }),
	}
	if reference, err := image.Parse(aws.ToString(container.Image)); err == nil && where != "" {
		_, private := reference.ECR()
		reasons["images in Amazon ECR on "+where] = private
	}
	if log := container.LogConfiguration; log != nil {
		reasons["secretOptions of logConfiguration"] = len(log.SecretOptions) > 0
		reasons["awslogs on "+where] = where != "" && log.LogDriver == types.LogDriverAwslogs
	}
	if router := container.FirelensConfiguration; router != nil {
		reasons["the FireLens configuration in S3"] = router.Options["config-file-type"] == "s3"
	}
	return reasons
}
