package taskdef

import (
	"strconv"
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
			if problem, wrong := j.environmentFileProblem(i, file); wrong && !j.leftOpen(value) {
				j.report(problem)
			}
			if gone := j.FilesGone[value]; gone != "" {
				j.report(j.inItem(i, "environmentFiles", "value", value, environmentFileGone, finding.Words("file", shownObject(value)), finding.Clause("why", gone)))
			}
		}
		if len(container.EnvironmentFiles) > 0 && j.isWindows() && j.isFargate() {
			j.report(j.inField(i, "environmentFiles", environmentFilesOnWindows))
		}
	}
	if count > maxEnvironmentFiles {
		j.report(environmentFilesTooMany.With(finding.Count("files", count, "environment file", "environment files"), finding.Words("most", strconv.Itoa(maxEnvironmentFiles))))
	}
}

// environmentFileProblem says what is wrong with a file of a container's. ECS takes a
// key of any depth, and reads only files that end in ".env".
func (j *judgement) environmentFileProblem(i int, file types.EnvironmentFile) (problem finding.Finding, wrong bool) {
	value, place := aws.ToString(file.Value), j.place()
	match := objectARN.FindStringSubmatch(value)
	switch {
	case file.Type != types.EnvironmentFileTypeS3:
		return j.inItem(i, "environmentFiles", "value", value, fileOfOtherType), true
	case strings.HasPrefix(value, "s3://") || strings.HasPrefix(value, "https://"):
		return j.inItem(i, "environmentFiles", "value", value, fileByAddress), true
	case match == nil:
		return j.inItem(i, "environmentFiles", "value", value, fileByNoARN), true
	case place.Partition != "" && !strings.HasPrefix(value, "arn:"+place.Partition+":"):
		return j.inItem(i, "environmentFiles", "value", value, filePartition, finding.Name("here", place.Partition)), true
	case !strings.HasSuffix(match[2], ".env"):
		return j.inItem(i, "environmentFiles", "value", value, fileSuffix), true
	}
	return finding.Finding{}, false
}
