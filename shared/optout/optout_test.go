package optout_test

import (
	"testing"

	"github.com/ecs-guardrails/ecs-guardrails/shared/optout"
)

func TestAsked(t *testing.T) {
	for value, want := range map[string]bool{"true": true, "": true, "please": true, "TRUE": true, "false": false, " No ": false, "off": false, "0": false} {
		if got := optout.Asked(map[string]string{optout.Tag: value}); got != want {
			t.Errorf("%q: got %v, want %v", value, got, want)
		}
	}
	if !optout.Asked(map[string]string{"ECS-Guardrails:Ignore": "true"}) {
		t.Error("a tag in other letters is passed over")
	}
	if optout.Asked(map[string]string{"other": "true"}) || optout.Asked(nil) {
		t.Error("a role without the tag opts out")
	}
}

func TestOwnedByAWS(t *testing.T) {
	tests := []struct {
		path, name                    string
		serviceLinked, identityCenter bool
	}{
		{"/aws-service-role/ecs.amazonaws.com/", "AWSServiceRoleForECS", true, false},
		{"", "AWSServiceRoleForECS", true, false},
		{"/aws-reserved/sso.amazonaws.com/eu-west-1/", "AWSReservedSSO_Admin_0123456789abcdef", false, true},
		{"", "AWSReservedSSO_Admin_0123456789abcdef", false, true},
		{"/service-role/", "ecsInstanceRole", false, false},
		{"/", "my-AWSServiceRoleForECS", false, false},
	}
	for _, test := range tests {
		if got := optout.ServiceLinked(test.path, test.name); got != test.serviceLinked {
			t.Errorf("%s%s is service-linked: %v", test.path, test.name, got)
		}
		if got := optout.IdentityCenter(test.path, test.name); got != test.identityCenter {
			t.Errorf("%s%s is Identity Center's: %v", test.path, test.name, got)
		}
	}
}
