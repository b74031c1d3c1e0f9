package taskdef

import (
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/ecs-guardrails/ecs-guardrails/shared/finding"
	"github.com/ecs-guardrails/ecs-guardrails/shared/lazyregexp"
)

// maxEnvironmentFiles is how many a task definition can have ("Pass environment
// variables to an Amazon ECS container").
const maxEnvironmentFiles = 10

// objectARN is an object's ARN in any partition: bucket and key.
var objectARN = lazyregexp.New(`^arn:aws[a-z-]*:s3:::([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/(.+)$`)

// environmentFiles judges the files that containers take variables from.
func (j *judgement) environmentFiles() {
	count := 0
	for i, container := range j.Definition.ContainerDefinitions {
		count += len(container.EnvironmentFiles)
		for _, file := range container.EnvironmentFiles {
			value := aws.ToString(file.Value)
			if problem := environmentFileProblem(file, j.place()); problem != "" && !j.leftOpen(value) {
				j.report("environment-file-invalid", finding.Error,
					fmt.Sprintf("An environment file of the %s %s.", j.containerName(i), problem),
					`Write {"type": "s3", "value": "arn:aws:s3:::bucket/path/name.env"}.`)
			}
			if gone := j.FilesGone[value]; gone != "" {
				j.report("environment-file-gone", finding.Error,
					fmt.Sprintf("The environment file %s of the %s doesn't exist: %s. No task of this definition starts.", shownObject(value), j.containerName(i), gone),
					"Upload the environment file, or name one that exists in environmentFiles.")
			}
		}
		if len(container.EnvironmentFiles) > 0 && j.isWindows() && j.isFargate() {
			j.report("windows-field-unsupported", finding.Warning,
				fmt.Sprintf("The %s has environmentFiles, which Windows containers on Fargate don't support.", j.containerName(i)),
				"Put the variables into environment and secrets.")
		}
	}
	if count > maxEnvironmentFiles {
		j.report("environment-files-too-many", finding.Error,
			fmt.Sprintf("The task definition has %d environment files, and ECS reads %d at most.", count, maxEnvironmentFiles),
			"Put the variables of several environment files into one.")
	}
}

// environmentFileProblem says what is wrong with a file's ARN. ECS takes a key
// of any depth, and reads only files that end in ".env".
func environmentFileProblem(file types.EnvironmentFile, place Place) string {
	value := aws.ToString(file.Value)
	match := objectARN.FindStringSubmatch(value)
	switch {
	case file.Type != types.EnvironmentFileTypeS3:
		return "has another type than \"s3\", the only one that ECS knows"
	case strings.HasPrefix(value, "s3://") || strings.HasPrefix(value, "https://"):
		return "is named by its address, and ECS needs the object's ARN"
	case match == nil:
		return "is not named by the ARN of an object in S3"
	case place.Partition != "" && !strings.HasPrefix(value, "arn:"+place.Partition+":"):
		return "is in another partition than the task definition, which is in " + place.Partition
	case !strings.HasSuffix(match[2], ".env"):
		return "doesn't end in \".env\""
	}
	return ""
}
