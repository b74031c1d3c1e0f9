package instancerole

import (
	"slices"
	"strings"

	"github.com/ecs-guardrails/ecs-guardrails/shared/lazyregexp"
)

// imageOwners are Amazon's accounts that publish the ECS-optimized images in
// the aws partition: Amazon Linux, Bottlerocket, Windows. In the others the
// alias "amazon" tells.
var imageOwners = []string{"591542846629", "149721548608", "801119661308"}

// ecsImageName matches the names of ECS-optimized images ("Amazon ECS-optimized
// Linux AMIs" and "…Windows AMIs" in the ECS developer guide, "Bottlerocket
// AMIs"), as in:
//
//	amzn-ami-2018.03.20240109-amazon-ecs-optimized
//	amzn2-ami-ecs-kernel-5.10-hvm-2.0.20240109-x86_64-ebs
//	al2023-ami-ecs-neuron-hvm-2023.0.20240109-kernel-6.1-x86_64
//	bottlerocket-aws-ecs-2-nvidia-aarch64-v1.19.2-29cc92cc
//	Windows_Server-2022-English-Core-ECS_Optimized-2024.01.10
var ecsImageName = lazyregexp.New(`^(amzn-ami-.*-amazon-ecs-optimized|amzn2-ami-ecs-.*|al20\d\d-ami-ecs-.*|bottlerocket-aws-ecs-.*|Windows_Server-.*-ECS_Optimized.*)$`)

// isECSImage judges an image by its owner and name: anyone can choose a name.
func isECSImage(ownerAlias, owner, name string) bool {
	return (ownerAlias == "amazon" || slices.Contains(imageOwners, owner)) && ecsImageName.MatchString(name)
}

// isECSParameter judges "resolve:ssm:NAME", with which a launch names its image
// through AWS's public parameters.
func isECSParameter(image string) bool {
	parameter, found := strings.CutPrefix(image, "resolve:ssm:")
	return found && (strings.HasPrefix(parameter, "/aws/service/ecs/optimized-ami/") ||
		strings.HasPrefix(parameter, "/aws/service/bottlerocket/aws-ecs-") ||
		strings.HasPrefix(parameter, "/aws/service/ami-windows-latest/") && strings.Contains(parameter, "-ECS_Optimized"))
}
