package secretshape_test

import (
	"strings"
	"testing"

	"ecsguardrails/shared/secretshape"
)

func TestShow(t *testing.T) {
	tests := map[string]struct {
		text string
		is   func(string) bool
		want string
	}{
		"a secret's ARN":                  {"arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/db-AbCdEf:password::", secretshape.IsSecretReference, `"arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/db-AbCdEf:password::"`},
		"a parameter's ARN":               {"arn:aws:ssm:eu-west-1:123456789012:parameter/prod/db", secretshape.IsSecretReference, `"arn:aws:ssm:eu-west-1:123456789012:parameter/prod/db"`},
		"the secret instead of its ARN":   {"hunter2-hunter2", secretshape.IsSecretReference, "15 characters"},
		"the JSON instead of its ARN":     {`{"username":"u","password":"hunter2"}`, secretshape.IsSecretReference, "JSON of 37 characters"},
		"a token instead of its ARN":      {"glpat-abcdefghij0123456789", secretshape.IsSecretReference, "26 characters that look like a GitLab token"},
		"a signed URL":                    {"https://b.s3.amazonaws.com/k?X-Amz-Signature=0a1b2c", secretshape.IsObjectAddress, "a URL of 51 characters with a user name or parameters"},
		"an object":                       {"arn:aws:s3:::acme/prod/web.env", secretshape.IsObjectAddress, `"arn:aws:s3:::acme/prod/web.env"`},
		"an image":                        {"registry.example.com:5000/acme/web:1.2", secretshape.IsImage, `"registry.example.com:5000/acme/web:1.2"`},
		"an image with a user":            {"user:hunter2@registry.example.com/acme/web", secretshape.IsImage, "42 characters"},
		"a name":                          {"ecsInstanceRole-web", secretshape.IsName, `"ecsInstanceRole-web"`},
		"a CloudFormation name":           {"acme-prod-InstanceRole-1ABCDEFGHIJKL", secretshape.IsName, `"acme-prod-InstanceRole-1ABCDEFGHIJKL"`},
		"sixteen letters of an app":       {"xqzjvwkpbtrmgfhd", secretshape.IsName, "16 characters"},
		"letters and digits in turns":     {"a1b2c3d4e5f6g7h8", secretshape.IsName, "16 characters"},
		"a long word of people":           {"storefrontproduction", secretshape.IsName, `"storefrontproduction"`},
		"nothing":                         {"", secretshape.IsName, "empty"},
		"white space":                     {" \t", secretshape.IsName, "white space"},
		"several lines":                   {"a\nb", secretshape.IsName, "3 characters on several lines"},
		"no text":                         {"\xff\xfe", secretshape.IsName, "2 bytes that are no text"},
		"an ARN with something behind it": {"arn:aws:secretsmanager:eu-west-1:123456789012:secret:a b hunter2", secretshape.IsSecretReference, "an ARN of 64 characters in a wrong form"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := secretshape.Show(test.text, test.is); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

// FuzzShow: what does not parse is never shown, in no part of five characters.
func FuzzShow(f *testing.F) {
	for _, seed := range []string{"hunter2-hunter2", `{"a":1}`, "arn:aws:x", "https://u:p@h/", "ghp_abcdefghijklmnopqrstuvwxyz", "s3://b/k"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for name, is := range map[string]func(string) bool{
			"reference": secretshape.IsSecretReference, "name": secretshape.IsName, "object": secretshape.IsObjectAddress, "image": secretshape.IsImage, "ARN": secretshape.IsARN,
		} {
			shown := secretshape.Show(text, is)
			if is(text) && secretshape.Find(text) == "" {
				continue
			}
			for i := 0; i+8 <= len(text); i++ {
				if part := text[i : i+8]; strings.Contains(shown, part) && !strings.Contains(secretshape.Describe("x://y?z")+secretshape.Describe("arn:aws:x")+secretshape.Describe("\n.")+"characters that look like "+secretshape.Find(text), part) {
					t.Errorf("%s: %q of %q is shown in %s", name, part, text, shown)
				}
			}
		}
	})
}
