package settings

import (
	"strings"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/verify/strictjson"
)

// Claims is claims.template, read; nil when there is none, or it is none.
func (s *Settings) Claims() map[string]any {
	if s.ClaimTemplate == "" {
		return nil
	}
	object, _ := strictjson.ParseObject([]byte(s.ClaimTemplate))
	return object
}

func checkClaimTemplate(text string) string {
	object, err := strictjson.ParseObject([]byte(text))
	if err != nil {
		return "it is no JSON object (" + err.Error() + `); write {"role": "${role}"}, in YAML behind "template: |" on lines of its own`
	}
	if err := sallyport.CheckClaimTemplate(object); err != nil {
		return strings.ReplaceAll(err.Error(), "\n", "; ")
	}
	return ""
}
