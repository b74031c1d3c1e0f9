// Package ecsimage describes some of Amazon's ECS-optimized images, which the
// emulator does not know (Amazon ECS Developer Guide, "Amazon ECS-optimized
// Linux AMIs"). The names and owners are real, the IDs are not.
package ecsimage

import (
	"encoding/json"
	"fmt"
)

// Image is a public image.
type Image struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Description string `json:"description"`
	// Platform is "windows" or empty.
	Platform   string `json:"platform"`
	RootDevice string `json:"rootDevice"`
	Owner      string `json:"owner"`
	// Parameter is the public SSM parameter under which the image is found.
	Parameter string `json:"-"`
}

// AmazonLinux2023 is the one that new clusters run.
var AmazonLinux2023 = Image{
	ID:          "ami-0ec50000000002023",
	Name:        "al2023-ami-ecs-hvm-2023.0.20251108-kernel-6.1-x86_64",
	Description: "Amazon Linux AMI 2023.0.20251108 x86_64 ECS HVM EBS",
	RootDevice:  "/dev/xvda",
	Owner:       "591542846629",
	Parameter:   "/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended",
}

// Images are all that are described.
var Images = []Image{
	AmazonLinux2023,
	{
		ID: "ami-0ec50000000000002", Name: "amzn2-ami-ecs-hvm-2.0.20251107-x86_64-ebs",
		Description: "Amazon Linux AMI 2.0.20251107 x86_64 ECS HVM GP2",
		RootDevice:  "/dev/xvda", Owner: "591542846629",
		Parameter: "/aws/service/ecs/optimized-ami/amazon-linux-2/recommended",
	},
	{
		ID: "ami-0ec50000000002022", Name: "Windows_Server-2022-English-Core-ECS_Optimized-2025.11.12", Platform: "windows",
		Description: "Microsoft Windows Server 2022 Core edition ECS optimized",
		RootDevice:  "/dev/sda1", Owner: "801119661308",
		Parameter: "/aws/service/ami-windows-latest/Windows_Server-2022-English-Core-ECS_Optimized",
	},
}

// Parameters are the public SSM parameters of the images: the metadata under
// the parameter's own name, its parts below.
func Parameters() (map[string]string, error) {
	parameters := map[string]string{}
	for _, image := range Images {
		metadata, err := json.Marshal(map[string]any{
			"schema_version": 1, "image_id": image.ID, "image_name": image.Name, "os": image.Description,
		})
		if err != nil {
			return nil, fmt.Errorf("describing %s: %w", image.Name, err)
		}
		parameters[image.Parameter] = string(metadata)
		parameters[image.Parameter+"/image_id"] = image.ID
		parameters[image.Parameter+"/image_name"] = image.Name
	}
	return parameters, nil
}
