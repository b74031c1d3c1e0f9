package taskdef

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	secrettypes "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
)

// TestSecretsOfContainers: what a container takes from a secret that is gone, or from
// a key that its value doesn't have, keeps the task from starting.
func TestSecretsOfContainers(t *testing.T) {
	for name, test := range map[string]struct {
		valueFrom string
		deleted   bool
		want      string
	}{
		"a key that is there":         {secretARN("shop") + ":password::", false, ""},
		"the whole value":             {secretARN("shop"), false, ""},
		"a key that is misspelt":      {secretARN("shop") + ":pasword::", false, "secret-key-missing"},
		"a secret that is gone":       {secretARN("gone"), false, "secret-gone"},
		"one scheduled for deletion":  {secretARN("shop") + ":password::", true, "secret-gone"},
		"a part of an ARN":            {secretARN("shop") + ":password", false, "secret-reference-invalid"},
		"a parameter, which is there": {"/shop/password", false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStack(tagged("shop", "registry.example.com"))
			s.secrets.untagged = map[string]secrettypes.SecretListEntry{}
			s.secrets.values = map[string]string{secretARN("shop"): `{"username":"u","password":"` + canary + `"}`}
			if test.deleted {
				s.secrets.entries[0].DeletedDate = aws.Time(s.now)
			}
			web := container("web", "nginx")
			web.Secrets = []types.Secret{{Name: aws.String("DB_PASSWORD"), ValueFrom: &test.valueFrom}}
			s.ecs.add(registration("app", web))
			result := s.look("app")
			got := slices.DeleteFunc(codes(result), func(code string) bool { return strings.HasPrefix(code, "execution-role-") })
			if strings.Join(got, " ") != test.want {
				t.Errorf("got %+v", result)
			}
		})
	}
}
