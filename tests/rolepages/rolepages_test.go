package rolepages

import (
	"encoding/xml"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/tests/awscall"
)

// answer lists roles as the emulator does, each with tags, whose elements are
// called member, too.
func answer(count int) []byte {
	var roles strings.Builder
	for number := range count {
		fmt.Fprintf(&roles, "<member><RoleName>r%d</RoleName><Tags><member><Key>k</Key></member></Tags></member>\n", number)
	}
	return []byte(`<?xml version="1.0"?><ListRolesResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><ListRolesResult><Roles>` + roles.String() +
		`</Roles><IsTruncated>false</IsTruncated></ListRolesResult></ListRolesResponse>`)
}

func TestEveryRoleIsOnOnePage(t *testing.T) {
	for _, test := range []struct {
		roles int
		size  string
		want  []int
	}{
		{0, "", []int{0}}, {1, "", []int{1}}, {100, "", []int{100}}, {101, "", []int{100, 1}}, {250, "", []int{100, 100, 50}},
		{5, "2", []int{2, 2, 1}}, {1500, "5000", []int{1000, 500}}, {2, "0", []int{1, 1}},
	} {
		t.Run(fmt.Sprintf("%d by %s", test.roles, test.size), func(t *testing.T) {
			var sizes []int
			var names []string
			for marker, more := "", true; more; {
				body, err := new(Service).Amendments()["iam:ListRoles"](awscall.Exchange{Parameters: map[string]any{"MaxItems": test.size, "Marker": marker}}, answer(test.roles))
				if err != nil {
					t.Fatal(err)
				}
				var page struct {
					Names     []string `xml:"ListRolesResult>Roles>member>RoleName"`
					Truncated bool     `xml:"ListRolesResult>IsTruncated"`
					Marker    string   `xml:"ListRolesResult>Marker"`
				}
				if err := xml.Unmarshal(body, &page); err != nil {
					t.Fatalf("%v in\n%s", err, body)
				}
				sizes, names = append(sizes, len(page.Names)), append(names, page.Names...)
				marker, more = page.Marker, page.Truncated
			}
			if !slices.Equal(sizes, test.want) {
				t.Errorf("pages of %v, want %v", sizes, test.want)
			}
			for number, name := range names {
				if name != fmt.Sprintf("r%d", number) {
					t.Fatalf("role %d is %s", number, name)
				}
			}
		})
	}
}

func TestWhatIsNoAnswerIsSaidToBeNone(t *testing.T) {
	if _, err := new(Service).Amendments()["iam:ListRoles"](awscall.Exchange{}, []byte("<ListRolesResponse><Roles>")); err == nil {
		t.Error("half an answer was taken")
	}
}

func TestDetailsOfRolesAndPoliciesShareThePages(t *testing.T) {
	var service Service
	amendments := service.Amendments()
	for role, boundary := range map[string]string{"r1": "arn:aws:iam::1:policy/b", "r2": ""} {
		if _, err := amendments["iam:CreateRole"](awscall.Exchange{Parameters: map[string]any{"RoleName": role, "PermissionsBoundary": boundary}}, nil); err != nil {
			t.Fatal(err)
		}
	}
	whole := `<R><RoleDetailList><member><RoleName>r1</RoleName><Tags><member><Key>k</Key></member></Tags></member><member><RoleName>r2</RoleName></member></RoleDetailList>` +
		`<Policies><member><Arn>p1</Arn></member><member><Arn>p2</Arn></member></Policies><IsTruncated>false</IsTruncated></R>`
	var got []string
	for _, marker := range []string{"", "3"} {
		body, err := amendments["iam:GetAccountAuthorizationDetails"](awscall.Exchange{Parameters: map[string]any{"MaxItems": "3", "Marker": marker}}, []byte(whole))
		if err != nil {
			t.Fatal(err)
		}
		var page struct {
			Roles []struct {
				RoleName string
				Boundary string `xml:"PermissionsBoundary>PermissionsBoundaryArn"`
			} `xml:"RoleDetailList>member"`
			Policies []string `xml:"Policies>member>Arn"`
			Marker   string
		}
		if err := xml.Unmarshal(body, &page); err != nil {
			t.Fatalf("%v in %s", err, body)
		}
		got = append(got, fmt.Sprint(page))
	}
	if want := []string{"{[{r1 arn:aws:iam::1:policy/b} {r2 }] [p1] 3}", "{[] [p2] }"}; !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}
