{{/* A duration such as 90m in seconds. */}}
{{- define "acr.seconds" -}}
{{- $unit := . | trimAll "0123456789" -}}
{{- mul (. | trimSuffix $unit | int64) (get (dict "s" 1 "m" 60 "h" 3600 "d" 86400) $unit) -}}
{{- end }}

{{/*
What a threshold of an alert replaces in its PromQL, as a YAML list of pairs. The argument has the name of the alert and the threshold.
*/}}
{{- define "acr.thresholds" -}}
{{- if eq .alert "AcrScanResultsStale" -}}
- ["> 3600 # seconds", "> {{ include "acr.seconds" .threshold }} # seconds"]
{{- else if eq .alert "AcrHighSeverityVulnerabilities" -}}
- ["[1h])) > 0\n", "[1h])) > {{ .threshold }}\n"]
{{- else if eq .alert "AcrApiErrors" -}}
- ["[15m])) > 0.1\n", "[15m])) > {{ .threshold }}\n"]
{{- else if eq .alert "AcrApiThrottled" -}}
- [" < 0.9\n", " < {{ .threshold }}\n"]
{{- else if eq .alert "AcrPollingBehind" -}}
{{- with .threshold.urgent }}
- ["> 60 # seconds", "> {{ include "acr.seconds" . }} # seconds"]
{{- end }}
{{- with .threshold.background }}
- ["> 600) # seconds", "> {{ include "acr.seconds" . }}) # seconds"]
{{- end }}
{{- else -}}
{{- fail (printf "rules.alerts.%s.threshold: expected no threshold for this alert, found %v" .alert .threshold) -}}
{{- end -}}
{{- end }}

{{/* A rule with what rules.alerts says of it, as YAML. The argument has the rule and the values of its alert. */}}
{{- define "acr.rule" -}}
{{- $rule := .rule -}}
{{- $alert := .alert -}}
{{- $texts := list -}}
{{- if hasKey $alert "threshold" -}}
  {{- range include "acr.thresholds" (dict "alert" $rule.alert "threshold" $alert.threshold) | fromYamlArray -}}
    {{- if not (contains (first .) $rule.expr) }}{{ fail (printf "files/rules.yml: expected %q in %s, found none" (first .) $rule.alert) }}{{ end -}}
    {{- $_ := set $rule "expr" (replace (first .) (last .) $rule.expr) -}}
  {{- end -}}
  {{- if eq $rule.alert "AcrScanResultsStale" }}{{ $texts = append $texts (list "more than 1h" (printf "more than %s" $alert.threshold)) }}{{ end -}}
{{- end -}}
{{- with $alert.for -}}
  {{- $texts = append $texts (list (printf "more than %s" $rule.for) (printf "more than %s" .)) -}}
  {{- $_ := set $rule "for" . -}}
{{- end -}}
{{- range $name, $text := $rule.annotations -}}
  {{- range $texts }}{{ $text = replace (first .) (last .) $text }}{{ end -}}
  {{- with $.runbookUrl }}{{ $text = regexReplaceAll "https://\\S+/docs/runbook\\.md" $text . }}{{ end -}}
  {{- $_ := set $rule.annotations $name $text -}}
{{- end -}}
{{- with $alert.severity }}{{ $_ := set $rule.labels "severity" . }}{{ end -}}
{{- with $alert.labels }}{{ $_ := set $rule "labels" (merge (deepCopy .) $rule.labels) }}{{ end -}}
{{- with $alert.annotations }}{{ $_ := set $rule "annotations" (merge (deepCopy .) $rule.annotations) }}{{ end -}}
{{- toYaml $rule -}}
{{- end }}
