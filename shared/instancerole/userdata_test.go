package instancerole

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
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

// mimeArchive is what "cloud-init devel make-mime" and Terraform's
// cloudinit_config make.
func mimeArchive(parts ...string) string {
	return "Content-Type: multipart/mixed; boundary=\"MIMEBOUNDARY\"\nMIME-Version: 1.0\r\n\r\n--MIMEBOUNDARY\r\n" +
		strings.Join(parts, "\r\n--MIMEBOUNDARY\r\n") + "\r\n--MIMEBOUNDARY--\r\n"
}

const joinScript = "#!/bin/bash\necho ECS_CLUSTER=prod-blue >> /etc/ecs/ecs.config\n"

// Values of secrets in these tests; none may come back in any text.
const (
	canaryAuth   = "Y2FuYXJ5OmNhbmFyeQ=="
	canaryKey    = "AKIAIOSFODNN7EXAMPLE"
	canarySecret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
)

func TestReadUserData(t *testing.T) {
	tests := map[string]struct {
		text string
		want userData
	}{
		"nothing":                    {"", userData{}},
		"another script":             {"#!/bin/bash\nyum install -y nginx\n", userData{}},
		"joins a cluster":            {joinScript, userData{ecs: true, cluster: "prod-blue"}},
		"quoted cluster":             {"cat <<'EOF' >> /etc/ecs/ecs.config\nECS_CLUSTER=\"web\"\nEOF", userData{ecs: true, cluster: "web"}},
		"cluster of a shell":         {"echo ECS_CLUSTER=$NAME >> /etc/ecs/ecs.config", userData{ecs: true}},
		"only the file":              {"aws s3 cp s3://acme-ecs-config/ecs.config /etc/ecs/ecs.config", userData{ecs: true}},
		"not quite the file":         {"touch /etc/ecs/ecs_config ECS_CLUSTERS", userData{}},
		"Windows":                    {"<powershell>\r\nImport-Module ECSTools\r\nInitialize-ECSAgent -Cluster 'windows' -EnableTaskIAMRole\r\n</powershell>", userData{ecs: true, cluster: "windows"}},
		"Windows in lower case":      {"<powershell>initialize-ecsagent -EnableTaskIAMRole -cluster win2</powershell>", userData{ecs: true, cluster: "win2"}},
		"Bottlerocket":               {"[settings.host-containers.admin]\nenabled = true\n\n[settings.ecs]\nlogging-drivers = [\"json-file\"]\ncluster = \"rocket\"\n", userData{ecs: true, cluster: "rocket"}},
		"Bottlerocket elsewhere":     {"[settings.kubernetes]\ncluster = \"kube\"\n", userData{}},
		"gzip":                       {gzipped(t, joinScript), userData{ecs: true, cluster: "prod-blue"}},
		"a cut gzip":                 {gzipped(t, joinScript+strings.Repeat("#", 200))[:70], userData{ecs: true, cluster: "prod-blue"}},
		"MIME":                       {mimeArchive("Content-Type: text/cloud-config\r\n\r\n#cloud-config\r\nruncmd: []", "Content-Type: text/x-shellscript; charset=\"us-ascii\"\r\n\r\n"+joinScript), userData{ecs: true, cluster: "prod-blue"}},
		"MIME with base64":           {mimeArchive("Content-Type: text/x-shellscript\r\nContent-Transfer-Encoding: base64\r\n\r\n" + encoded(joinScript)), userData{ecs: true, cluster: "prod-blue"}},
		"MIME with quoted-printable": {mimeArchive("Content-Type: text/x-shellscript\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\necho ECS_CLU=\r\nSTER=3Dprod"), userData{ecs: true, cluster: "prod"}},
		"MIME in gzip":               {gzipped(t, mimeArchive("Content-Type: text/x-shellscript\r\nContent-Transfer-Encoding: base64\r\n\r\n"+encoded(joinScript))), userData{ecs: true, cluster: "prod-blue"}},
		"MIME in MIME": {mimeArchive("Content-Type: multipart/mixed; boundary=\"INNER\"\r\n\r\n--INNER\r\nContent-Type: text/x-shellscript\r\nContent-Transfer-Encoding: base64\r\n\r\n" + encoded(joinScript) + "\r\n--INNER--"),
			userData{ecs: true, cluster: "prod-blue"}},
		"MIME without an end":      {strings.TrimSuffix(mimeArchive("Content-Type: text/plain\r\n\r\n"+joinScript), "--\r\n"), userData{ecs: true, cluster: "prod-blue"}},
		"cloud-config with gz+b64": {"#cloud-config\nwrite_files:\n- path: /etc/x\n  encoding: gz+b64\n  content: " + encoded(gzipped(t, joinScript)), userData{ecs: true, cluster: "prod-blue"}},

		"registry credentials": {"cat <<EOF >> /etc/ecs/ecs.config\nECS_ENGINE_AUTH_TYPE=dockercfg\nECS_ENGINE_AUTH_DATA={\"https://index.docker.io/v1/\":{\"auth\":\"" + canaryAuth + "\"}}\nEOF",
			userData{ecs: true, secrets: []string{"ECS_ENGINE_AUTH_DATA"}}},
		"registry credentials in quotes": {`echo "ECS_ENGINE_AUTH_DATA='{\"r\":{\"auth\":\"` + canaryAuth + `\"}}'" >> /etc/ecs/ecs.config`,
			userData{ecs: true, secrets: []string{"ECS_ENGINE_AUTH_DATA"}}},
		"registry credentials in gzip and MIME": {gzipped(t, mimeArchive("Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n"+encoded("ECS_ENGINE_AUTH_DATA={\"r\":{\"auth\":\""+canaryAuth+"\"}}"))),
			userData{ecs: true, secrets: []string{"ECS_ENGINE_AUTH_DATA"}}},
		"registry credentials that are fetched": {"ECS_ENGINE_AUTH_DATA=$(aws secretsmanager get-secret-value --secret-id registry)", userData{ecs: true}},
		"registry credentials that are empty":   {"ECS_ENGINE_AUTH_DATA=\nECS_CLUSTER=a", userData{ecs: true, cluster: "a"}},
		"AWS keys": {"export AWS_ACCESS_KEY_ID=" + canaryKey + "\nexport AWS_SECRET_ACCESS_KEY=" + canarySecret + "\n",
			userData{secrets: []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}}},
		"AWS keys in a profile": {"[default]\naws_access_key_id = " + canaryKey + "\naws_secret_access_key = " + canarySecret + "\naws_session_token = " + strings.Repeat("IQoJb3JpZ2luX2Vj", 8),
			userData{secrets: []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}}},
		"AWS keys of aws configure":    {"aws configure set aws_secret_access_key " + canarySecret, userData{secrets: []string{"AWS_SECRET_ACCESS_KEY"}}},
		"an access key's id in a word": {"XAKIAIOSFODNN7EXAMPLEX", userData{}},
		"Bottlerocket credentials": {"[settings.ecs]\ncluster = \"a\"\n[[settings.container-registry.credentials]]\nregistry = \"docker.io\"\nusername = \"u\"\npassword = \"" + canaryAuth + "\"\n",
			userData{ecs: true, cluster: "a", secrets: []string{"settings.container-registry.credentials"}}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			for form, text := range map[string]string{"base64": encoded(test.text), "base64 in lines": strings.Join(inLines(encoded(test.text)), "\n")} {
				got := readUserData(text)
				if got.ecs != test.want.ecs || got.cluster != test.want.cluster || !slices.Equal(got.secrets, test.want.secrets) {
					t.Errorf("as %s: got %+v, want %+v", form, got, test.want)
				}
			}
		})
	}
}

func inLines(text string) []string {
	var lines []string
	for len(text) > 76 {
		lines, text = append(lines, text[:76]), text[76:]
	}
	return append(lines, text)
}

// TestUserDataIsBounded: archives that grow without end must not.
func TestUserDataIsBounded(t *testing.T) {
	t.Parallel()
	bomb := strings.Repeat("0", 4<<20)
	for range 3 {
		bomb = gzipped(t, bomb)
	}
	nested := joinScript
	for i := range 50 {
		nested = fmt.Sprintf("Content-Type: multipart/mixed; boundary=B%d\r\n\r\n--B%d\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n%s\r\n--B%d--", i, i, encoded(nested[:min(len(nested), 200_000)]), i)
	}
	for name, text := range map[string]string{"bomb": bomb, "nested": nested, "not base64": "%%%" + nested} {
		_ = readUserData(encoded(text))
		unpacker := unpacker{left: maxUserData, parts: maxUserDataParts}
		total := 0
		unpacker.unpack([]byte(text), maxUserDataDepth, func(part string) { total += len(part) })
		if limit := 2*maxUserData + len(text); total > limit {
			t.Errorf("%s: %d bytes were read, more than %d", name, total, limit)
		}
	}
}

func FuzzReadUserData(f *testing.F) {
	f.Add(encoded(joinScript))
	f.Add(encoded(gzipped(f, joinScript)))
	f.Add(encoded(mimeArchive("Content-Type: text/x-shellscript\r\n\r\n" + joinScript)))
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
