package instancerole

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"slices"
	"strings"
	"testing"
)

func encoded(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

func gzipped(t testing.TB, text string) string {
	t.Helper()
	var buffer bytes.Buffer
	writer := gzip.NewWriter(&buffer)
	if _, err := writer.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	return buffer.String()
}

const joinScript = "#!/bin/bash\necho ECS_CLUSTER=prod-blue >> /etc/ecs/ecs.config\n"

// Values of secrets in these tests; none may come back in any text.
const (
	canaryAuth   = "Y2FuYXJ5OmNhbmFyeQ=="
	canaryKey    = "AKIAIOSFODNN7EXAMPLE"
	canarySecret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
)

// TestReadUserData: shared/userdata reads; here is what counts of it. A word in a
// comment, or a script that only touches the file, is no set-up.
func TestReadUserData(t *testing.T) {
	tests := map[string]struct {
		text string
		want userData
	}{
		"nothing":                      {"", userData{}},
		"another script":               {"#!/bin/bash\nyum install -y nginx\n", userData{}},
		"joins a cluster":              {joinScript, userData{ecs: true, cluster: "prod-blue"}},
		"a cluster's ARN":              {"#!/bin/bash\necho ECS_CLUSTER=arn:aws:ecs:us-east-1:123456789012:cluster/web >> /etc/ecs/ecs.config\n", userData{ecs: true, cluster: "web"}},
		"cluster of a shell":           {"#!/bin/bash\necho ECS_CLUSTER=$(curl -s http://x/) >> /etc/ecs/ecs.config\n", userData{ecs: true}},
		"no cluster":                   {"#!/bin/bash\necho ECS_LOGLEVEL=debug >> /etc/ecs/ecs.config\n", userData{ecs: true}},
		"gzip":                         {gzipped(t, joinScript), userData{ecs: true, cluster: "prod-blue"}},
		"Windows":                      {"<powershell>\r\nInitialize-ECSAgent -Cluster 'windows'\r\n</powershell>", userData{ecs: true, cluster: "windows"}},
		"Bottlerocket":                 {"[settings.ecs]\ncluster = \"rocket\"\n", userData{ecs: true, cluster: "rocket"}},
		"a comment":                    {"#!/bin/bash\n# ECS_CLUSTER=prod is set elsewhere\nsystemctl start nginx\n", userData{}},
		"a comment of PowerShell":      {"<powershell>\r\n# Initialize-ECSAgent -Cluster x\r\n</powershell>", userData{}},
		"a comment of TOML":            {"# [settings.ecs]\n[settings.kubernetes]\ncluster-name = \"x\"\n", userData{}},
		"the file, for something else": {"#!/bin/bash\nif [ -f /etc/ecs/ecs.config ]; then tar czf /tmp/backup.tgz /etc/ecs/ecs.config; fi\n", userData{}},
		"a secret": {joinScript + "echo 'ECS_ENGINE_AUTH_DATA={\"r\":{\"auth\":\"" + canaryAuth + "\"}}' >> /etc/ecs/ecs.config\n",
			userData{ecs: true, cluster: "prod-blue", secrets: []string{"ECS_ENGINE_AUTH_DATA"}}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := readUserData(encoded(test.text))
			if got.ecs != test.want.ecs || got.cluster != test.want.cluster || !slices.Equal(got.secrets, test.want.secrets) {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
	tags := readUserData(encoded("#!/bin/bash\ncat <<'EOF' >> /etc/ecs/ecs.config\nECS_CLUSTER=web\nECS_CONTAINER_INSTANCE_TAGS={\"team\":\"web\"}\nECS_ENABLE_SPOT_INSTANCE_DRAINING=false\nEOF\n"))
	if !tagsInstances(tags) || drainsSpot(tags) || propagatesTags(tags) {
		t.Errorf("it uses %v", tags.variables)
	}
}

func FuzzReadUserData(f *testing.F) {
	f.Add(encoded(joinScript))
	f.Add("not base64: [settings.ecs]\ncluster = \"a\"")
	f.Fuzz(func(t *testing.T, text string) {
		found := readUserData(text)
		if len(found.cluster) > 255 || strings.ContainsAny(found.cluster, "/:* \n") {
			t.Errorf("the cluster %q is no cluster's name", found.cluster)
		}
	})
}

func TestIsECSImage(t *testing.T) {
	tests := []struct {
		alias, owner, name string
		want               bool
	}{
		{"amazon", "591542846629", "amzn-ami-2018.03.20240109-amazon-ecs-optimized", true},
		{"amazon", "591542846629", "amzn2-ami-ecs-hvm-2.0.20240109-x86_64-ebs", true},
		{"amazon", "591542846629", "amzn2-ami-ecs-kernel-5.10-gpu-hvm-2.0.20250101-x86_64-ebs", true},
		{"amazon", "", "al2023-ami-ecs-hvm-2023.0.20251108-kernel-6.1-arm64", true},
		{"", "591542846629", "al2023-ami-ecs-neuron-hvm-2023.0.20251108-kernel-6.1-x86_64", true},
		{"amazon", "149721548608", "bottlerocket-aws-ecs-2-x86_64-v1.49.0-713f44ce", true},
		{"amazon", "149721548608", "bottlerocket-aws-ecs-2-nvidia-fips-aarch64-v1.49.0-713f44ce", true},
		{"amazon", "149721548608", "bottlerocket-aws-k8s-1.31-x86_64-v1.49.0-713f44ce", false},
		{"amazon", "801119661308", "Windows_Server-2022-English-Core-ECS_Optimized-2025.11.12", true},
		{"amazon", "801119661308", "Windows_Server-2022-English-Full-Base-2025.11.12", false},
		{"amazon", "137112412989", "al2023-ami-2023.9.20251110.1-kernel-6.1-x86_64", false},
		{"", "123456789012", "al2023-ami-ecs-hvm-2023.0.20251108-kernel-6.1-arm64", false},
		{"aws-marketplace", "679593333241", "amzn2-ami-ecs-hvm-2.0.20240109-x86_64-ebs", false},
		{"self", "123456789012", "my-amzn2-ami-ecs-hvm", false},
	}
	for _, test := range tests {
		if got := isECSImage(test.alias, test.owner, test.name); got != test.want {
			t.Errorf("%s of %s%s: got %v", test.name, test.alias, test.owner, got)
		}
	}
	for parameter, want := range map[string]bool{
		"resolve:ssm:/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended/image_id":                   true,
		"resolve:ssm:/aws/service/bottlerocket/aws-ecs-2/x86_64/latest/image_id":                              true,
		"resolve:ssm:/aws/service/ami-windows-latest/Windows_Server-2022-English-Full-ECS_Optimized/image_id": true,
		"resolve:ssm:/aws/service/ami-windows-latest/Windows_Server-2022-English-Full-Base":                   false,
		"resolve:ssm:/aws/service/eks/optimized-ami/1.31/amazon-linux-2023/x86_64/standard/recommended":       false,
		"/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended/image_id":                               false,
		"ami-0f2b3c4d5e6f70819": false,
	} {
		if got := isECSParameter(parameter); got != want {
			t.Errorf("%s: got %v", parameter, got)
		}
	}
}
