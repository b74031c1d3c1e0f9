// Package acr is the driver for Azure Container Registry, by tokens with the
// permissions of a scope map (Azure REST API, Microsoft.ContainerRegistry
// 2025-11-01: Tokens - Create, Registries - Generate Credentials).
//
// A token is an account with up to two passwords, of which Azure tells when they
// were made but not which is which. So each rotation makes a token of its own,
// with the scope map of the one in use, and one password: the old and the new one
// live side by side, and a run that was cut off finds by the token's name what it
// made. A password is issued without an end.
//
// The administrator's secret holds {"url": "https://management.azure.com/
// subscriptions/…/resourceGroups/…/providers/Microsoft.ContainerRegistry/registries/NAME",
// "username": "TENANT_ID/CLIENT_ID", "password": "CLIENT_SECRET"} of a service
// principal whose role on the registry may read and write tokens and generate
// credentials (Container Registry Tokens Writer). With "federated": true
// instead of the password no secret is stored: AWS signs a token that says which role
// asks (STS, GetWebIdentityToken), and Entra ID takes it for the service principal's
// login where a federated credential of it names that role (Microsoft identity
// platform, "Client credentials flow, Third case: Access token request with a
// federated credential").
package acr

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	ststypes "github.com/aws/aws-sdk-go-v2/service/sts/types"

	"github.com/ecs-guardrails/ecs-guardrails/shared/lazyregexp"
	"github.com/ecs-guardrails/ecs-guardrails/shared/registry"
	"github.com/ecs-guardrails/ecs-guardrails/shared/secret"
)

// Name is what the secret's tag ecs-guardrails:driver says for this driver.
const Name = "acr"

// The addresses of Azure's public cloud: the only ones that the service
// principal's secret and its bearer token are sent to.
const (
	login      = "https://login.microsoftonline.com"
	management = "https://management.azure.com"
)

// What a token of AWS is asked for with. Entra ID takes this audience, and
// signatures of RS256, alone; a minute more than the login takes would do.
const (
	audience  = "api://AzureADTokenExchange"
	algorithm = "RS256"
	lifetime  = 300
)

// version of the API.
const version = "2025-11-01"

// probe is the registry's own description, below the administrator's address.
const probe = "?api-version=" + version

// polls bounds the waits for what Azure does in the background (202 Accepted).
const polls = 30

var (
	// registryID is the path of a registry below Azure's management API.
	registryID = lazyregexp.New(`^/subscriptions/[^/?#]+/resourceGroups/[^/?#]+/providers/Microsoft\.ContainerRegistry/registries/[A-Za-z0-9]{5,50}$`)
	principal  = lazyregexp.New(`^[0-9A-Za-z.-]+/[0-9A-Za-z-]+$`)
	// uuid is the form of a version that Secrets Manager makes itself.
	// short is the form of another one that fits into a token's name.
	short = lazyregexp.New(`^[0-9A-Za-z-]{1,31}$`)
	uuid  = lazyregexp.New(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)
)

// Identity is the part of STS's client that signs tokens about the function's role.
type Identity interface {
	GetWebIdentityToken(context.Context, *sts.GetWebIdentityTokenInput, ...func(*sts.Options)) (*sts.GetWebIdentityTokenOutput, error)
}

// Driver implements registry.Driver, registry.Lister, registry.Inspector and
// registry.Bound.
type Driver struct {
	client   *registry.Client
	identity Identity
	now      func() time.Time
	pause    func(context.Context, time.Duration) error
}

// New makes the driver; now is the clock by which passwords have ended.
func New(client *registry.Client, identity Identity, now func() time.Time) *Driver {
	return &Driver{client, identity, now, pause}
}

func pause(ctx context.Context, wait time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(wait):
		return nil
	}
}

// Accounts says that each credential is a token with a name of its own.
func (*Driver) Accounts(map[string]string) registry.Accounts { return registry.NewAccount }

// Examine wants Azure's registry, a token's name and a service principal.
func (*Driver) Examine(order registry.Order) error {
	path, isAzure := strings.CutPrefix(order.Administrator.URL, management)
	switch {
	case !strings.HasSuffix(order.Registry.Host, ".azurecr.io"):
		return errors.New("the driver acr is for registries such as acme.azurecr.io alone")
	case order.Administrator.Password.IsZero() && !order.Administrator.Federated:
		return order.ExamineAdministrator()
	case !isAzure || !registryID.MatchString(strings.TrimRight(path, "/")):
		return errors.New(`"url" in the administrator's secret must be https://management.azure.com followed by the registry's resource id: az acr show --name NAME --query id`)
	case !principal.MatchString(order.Administrator.Username):
		return errors.New(`"username" in the administrator's secret must be the service principal's TENANT_ID/CLIENT_ID`)
	case order.Version != "" && !uuid.MatchString(order.Version) && !short.MatchString(order.Version):
		return errors.New("the version's id must be a UUID, as Secrets Manager makes them, or have at most 31 letters, digits and hyphens: a token's name in Azure has room for no longer one")
	}
	return order.Administrator.ExamineAddress()
}

// prefix begins the names of a secret's tokens. Azure takes letters, digits and
// hyphens, 5 to 50 of them, so the common name is too long.
func prefix(order registry.Order) string {
	common := strings.TrimSuffix(order.TokenName(), order.Version)
	parts := strings.Split(strings.TrimSuffix(common, "-"), "-")
	return "ecsg-" + parts[len(parts)-1] + "-"
}

func tokenName(order registry.Order) string {
	if uuid.MatchString(order.Version) {
		return prefix(order) + strings.ReplaceAll(order.Version, "-", "")
	}
	return prefix(order) + order.Version
}

// versionOf gives the version that a token was made for, by its name.
func versionOf(order registry.Order, name string) (string, bool) {
	digits, ours := strings.CutPrefix(name, prefix(order))
	if _, err := hex.DecodeString(digits); err != nil || len(digits) != 32 {
		return digits, ours && digits != ""
	}
	return digits[:8] + "-" + digits[8:12] + "-" + digits[12:16] + "-" + digits[16:20] + "-" + digits[20:], ours
}

// OwnAccount reports whether the token in use carries this secret's mark. Any other
// one may have a scope map that the secret's owner has no right to.
func (*Driver) OwnAccount(order registry.Order) bool {
	_, ours := versionOf(order, order.Current.Username)
	return ours
}

// token is a token as Azure describes it.
type token struct {
	ID         string
	Name       string
	Properties struct {
		ScopeMap string `json:"scopeMapId"`
		Status   string
		State    string `json:"provisioningState"`
		// Credentials has the passwords without their values.
		Credentials struct {
			Passwords []struct{ Expiry string }
		}
	}
}

// ends gives the next end of a token's passwords: which one of two is in use Azure
// doesn't tell. A password whose end has come is of no interest while there is
// another one.
func (t token) ends(now time.Time) time.Time {
	var next, last time.Time
	for _, password := range t.Properties.Credentials.Passwords {
		end := registry.EndOf(password.Expiry)
		if end.After(last) {
			last = end
		}
		if end.After(now) && (next.IsZero() || end.Before(next)) {
			next = end
		}
	}
	if next.IsZero() && !slices.ContainsFunc(t.Properties.Credentials.Passwords, func(p struct{ Expiry string }) bool { return p.Expiry == "" }) {
		return last
	}
	return next
}

// Issue makes a token with the scope map of the one in use, and its password.
func (d *Driver) Issue(ctx context.Context, order registry.Order) (registry.Issued, error) {
	api, err := d.login(ctx, order)
	if err != nil {
		return registry.Issued{}, err
	}
	var current token
	if _, err := api.Do(ctx, call(http.MethodGet, "/tokens/"+url.PathEscape(order.Current.Username), nil, "the look at the current token"), &current); err != nil {
		return registry.Issued{}, err
	}
	name := tokenName(order)
	made := map[string]any{"properties": map[string]any{"scopeMapId": current.Properties.ScopeMap, "status": "enabled"}}
	if err := d.finish(ctx, api, call(http.MethodPut, "/tokens/"+name, made, "the making of a token"), nil); err != nil {
		return registry.Issued{}, err
	}
	if err := d.ready(ctx, api, name); err != nil {
		return registry.Issued{}, err
	}
	const doing = "the request for a token's password"
	var generated struct {
		Username  string
		Passwords []struct {
			Name  string
			Value secret.Text
		}
	}
	body := map[string]any{"tokenId": strings.TrimPrefix(strings.TrimRight(order.Administrator.URL, "/"), management) + "/tokens/" + name, "name": "password1"}
	if err := d.finish(ctx, api, call(http.MethodPost, "/generateCredentials", body, doing), &generated); err != nil {
		return registry.Issued{}, err
	}
	for _, password := range generated.Passwords {
		if password.Name == "password1" && !password.Value.IsZero() {
			return registry.Issued{Credential: registry.Credential{Username: name, Password: password.Value}, ID: name, Version: order.Version}, nil
		}
	}
	return registry.Issued{}, registry.NotIssued(doing)
}

// List gives the tokens that carry the names of this secret's.
func (d *Driver) List(ctx context.Context, order registry.Order) ([]registry.Issued, error) {
	api, err := d.login(ctx, order)
	if err != nil {
		return nil, err
	}
	var issued []registry.Issued
	next := call(http.MethodGet, "/tokens", nil, "the list of tokens")
	for range registry.MaxPages {
		var listed struct {
			Value    []token
			NextLink string
		}
		if _, err := api.Do(ctx, next, &listed); err != nil {
			return nil, err
		}
		for _, t := range listed.Value {
			if version, ours := versionOf(order, t.Name); ours {
				issued = append(issued, registry.Issued{ID: t.Name, Version: version, Ends: t.ends(d.now())})
			}
		}
		link, err := url.Parse(listed.NextLink)
		if listed.NextLink == "" || err != nil {
			break
		}
		// Of the link only the question is followed: its address is the server's choice.
		next.Query = link.Query()
	}
	return issued, nil
}

// Revoke deletes a token.
func (d *Driver) Revoke(ctx context.Context, order registry.Order, id string) error {
	api, err := d.login(ctx, order)
	if err != nil {
		return err
	}
	err = d.finish(ctx, api, call(http.MethodDelete, "/tokens/"+url.PathEscape(id), nil, "the deletion of a token"), nil)
	if registry.IsMissing(err) {
		return nil
	}
	return err
}

// Inspect tells whether a token is switched off, and when its passwords end. What its scope map allows is
// seen by a pull.
func (d *Driver) Inspect(ctx context.Context, order registry.Order, username string) (registry.Standing, error) {
	api, err := d.login(ctx, order)
	if err != nil {
		return registry.Standing{}, err
	}
	var found token
	_, err = api.Do(ctx, call(http.MethodGet, "/tokens/"+url.PathEscape(username), nil, "the look at a token"), &found)
	return registry.Standing{Disabled: found.Properties.Status == "disabled", Ends: found.ends(d.now())}, err
}

// call is one to the registry's own part of the API.
func call(method, path string, body any, doing string) registry.Call {
	return registry.Call{Method: method, Path: path, Query: url.Values{"api-version": {version}}, JSON: body, Doing: doing,
		Want: []int{http.StatusOK, http.StatusCreated, http.StatusAccepted, http.StatusNoContent}}
}

// finish makes a call, and waits until what it began is done: a 202 names in
// Location where to ask (Azure REST API, "Asynchronous operations").
func (d *Driver) finish(ctx context.Context, api *registry.API, begun registry.Call, into any) error {
	for poll := range polls {
		// What Azure does at once needs no wait.
		if poll > 1 {
			if err := d.pause(ctx, 2*time.Second); err != nil {
				return err
			}
		}
		var answer json.RawMessage
		header, err := api.Do(ctx, begun, &answer)
		switch {
		case err != nil:
			return err
		case len(answer) > 0 && into != nil && json.Unmarshal(answer, into) != nil:
			return registry.NotIssued(begun.Doing)
		case len(answer) > 0 || header.Get("Location") == "":
			return nil
		}
		location, err := url.Parse(header.Get("Location"))
		if err != nil {
			return registry.NotIssued(begun.Doing)
		}
		// The address stays that of the management API: Location is the server's choice.
		_, below, _ := strings.Cut(location.Path, "/registries/")
		_, operation, found := strings.Cut(below, "/")
		if !found {
			return registry.NotIssued(begun.Doing)
		}
		begun = registry.Call{Method: http.MethodGet, Path: "/" + operation, Query: location.Query(), Doing: begun.Doing, Want: begun.Want}
	}
	return registry.NotIssued(begun.Doing)
}

// ready waits until a token that was made can be used.
func (d *Driver) ready(ctx context.Context, api *registry.API, name string) error {
	const doing = "the wait for a token"
	for range polls {
		var made token
		if _, err := api.Do(ctx, call(http.MethodGet, "/tokens/"+name, nil, doing), &made); err != nil {
			return err
		}
		if made.Properties.State == "Succeeded" {
			return nil
		}
		if err := d.pause(ctx, 2*time.Second); err != nil {
			return err
		}
	}
	return registry.NotIssued(doing)
}

// assertion has AWS sign a token that says which role this function has.
func (d *Driver) assertion(ctx context.Context) (secret.Text, error) {
	output, err := d.identity.GetWebIdentityToken(ctx, &sts.GetWebIdentityTokenInput{
		Audience: []string{audience}, SigningAlgorithm: aws.String(algorithm), DurationSeconds: aws.Int32(lifetime),
	})
	_, disabled := errors.AsType[*ststypes.OutboundWebIdentityFederationDisabledException](err)
	switch {
	case disabled:
		return secret.Text{}, registry.Failure(registry.Refused, "outbound identity federation is off in this AWS account: turn it on with aws iam enable-outbound-web-identity-federation")
	case err != nil:
		return secret.Text{}, fmt.Errorf("ask AWS for a token about the function's role: %w", err)
	case aws.ToString(output.WebIdentityToken) == "":
		return secret.Text{}, registry.NotIssued("the request for a token about the function's role")
	}
	return secret.New(*output.WebIdentityToken), nil
}

// login changes the service principal's secret, or a token of AWS, into a bearer token
// (https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow).
func (d *Driver) login(ctx context.Context, order registry.Order) (*registry.API, error) {
	const doing = "the service principal's login"
	tenant, client, _ := strings.Cut(order.Administrator.Username, "/")
	administrator := order.Administrator
	administrator.URL = login
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {client}, "scope": {management + "/.default"}}
	if administrator.Federated {
		assertion, err := d.assertion(ctx)
		if err != nil {
			return nil, err
		}
		form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
		form.Set("client_assertion", assertion.Reveal())
	} else {
		form.Set("client_secret", administrator.Password.Reveal())
	}
	var bearer struct {
		Token secret.Text `json:"access_token"`
	}
	api := d.client.API(administrator, "", func(request *http.Request) {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	})
	_, err := api.Do(ctx, registry.Call{
		Method: http.MethodPost, Path: "/" + url.PathEscape(tenant) + "/oauth2/v2.0/token", Text: form.Encode(), Doing: doing, Want: []int{http.StatusOK},
	}, &bearer)
	failure, failed := errors.AsType[*registry.Error](err)
	switch {
	case failed && administrator.Federated && (failure.Status == http.StatusBadRequest || failure.Status == http.StatusUnauthorized):
		return nil, registry.Failure(registry.Refused, "login.microsoftonline.com refuses AWS's token: the service principal needs a federated credential with this account's issuer, the ARN of rotate-secret's role as its subject, and the audience "+audience)
	case err != nil:
		return nil, err
	}
	if bearer.Token.IsZero() {
		return nil, registry.NotIssued(doing)
	}
	administrator = order.Administrator
	administrator.Password = bearer.Token
	return d.client.API(administrator, probe, administrator.Bearer), nil
}
