{{/* Names and labels. */}}
{{- define "acr.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 50 | trimSuffix "-" -}}
{{- end }}

{{/* The name of the release, with that of the chart if it does not contain it. The rest of 63 characters is for suffixes. */}}
{{- define "acr.fullname" -}}
{{- $name := include "acr.name" . -}}
{{- $full := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- .Values.fullnameOverride | default $full | trunc 50 | trimSuffix "-" -}}
{{- end }}

{{- define "acr.selectorLabels" -}}
app.kubernetes.io/name: {{ include "acr.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}

{{- define "acr.labels" -}}
{{ include "acr.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "acr.serviceAccountName" -}}
{{- .Values.serviceAccount.name | default (ternary (include "acr.fullname" .) "default" .Values.serviceAccount.create) -}}
{{- end }}

{{- define "acr.image" -}}
{{- with .Values.image -}}
{{- if .digest }}{{ .repository }}@{{ .digest }}{{ else }}{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}{{ end -}}
{{- end -}}
{{- end }}

{{/* Where what is known of tags is kept: none with replicas, which keep it in Redis. */}}
{{- define "acr.storageKind" -}}
{{- ternary .Values.storage.kind "none" (empty .Values.replicas.redisUrlSecret) -}}
{{- end }}

{{/* The block of the configuration for replicas. */}}
{{- define "acr.replicas" -}}
{{- $group := printf "%s.%s" .Release.Namespace (include "acr.fullname" .) -}}
replicas:
  redis_url_file: /run/secrets/acr-scan-exporter-redis/url
  group: {{ .Values.replicas.group | default (ternary $group (sha256sum $group) (le (len $group) 64)) | quote }}
  max: {{ .Values.replicas.max | default .Values.replicas.count | int }}
{{- end }}

{{/* The text of the configuration: to the letter, with the block for replicas at its end. */}}
{{- define "acr.config" -}}
{{- .Values.config -}}
{{- if and .Values.replicas.redisUrlSecret (kindIs "string" .Values.config) -}}
{{- if not (hasSuffix "\n" .Values.config) }}{{ "\n" }}{{ end -}}
{{- printf "\n# Added by the chart, for the values in replicas.\n%s\n" (include "acr.replicas" .) -}}
{{- end -}}
{{- end }}

{{/* The web configuration with the certificate of web.tlsSecret, as YAML; empty if there is none. */}}
{{- define "acr.webConfig" -}}
{{- $config := deepCopy .Values.web.config -}}
{{- $tls := $config.tls_server_config | default dict -}}
{{- if and .Values.web.tlsSecret (not (or $tls.cert $tls.cert_file)) -}}
{{- $directory := "/run/secrets/acr-scan-exporter-tls" -}}
{{- $tls = merge $tls (dict "cert_file" (printf "%s/tls.crt" $directory) "key_file" (printf "%s/tls.key" $directory)) -}}
{{- $_ := set $config "tls_server_config" $tls -}}
{{- end -}}
{{- if $config }}{{ toYaml $config }}{{ end -}}
{{- end }}

{{/* The Secret with web.yml; empty if there is none. */}}
{{- define "acr.webSecret" -}}
{{- with .Values.web.existingSecret }}{{ . }}{{ else }}{{ if include "acr.webConfig" . }}{{ include "acr.fullname" . }}-web{{ end }}{{ end -}}
{{- end }}

{{- define "acr.scheme" -}}
{{- $tls := (include "acr.webConfig" . | fromYaml).tls_server_config | default dict -}}
{{- .Values.web.scheme | default (ternary "https" "http" (not (empty (or $tls.cert $tls.cert_file)))) -}}
{{- end }}

{{/* What precedes all paths: empty, or with a slash at its beginning. */}}
{{- define "acr.prefix" -}}
{{- $url := .Values.web.externalUrl | default "http://none" | urlParse -}}
{{- $prefix := .Values.web.routePrefix | default $url.path | trimAll "/" -}}
{{- if $prefix }}/{{ $prefix }}{{ end -}}
{{- end }}

{{/* "true" if a request without a password or a client certificate is refused. */}}
{{- define "acr.webRefuses" -}}
{{- $config := include "acr.webConfig" . | fromYaml -}}
{{- if or $config.basic_auth_users (hasPrefix "Require" (($config.tls_server_config | default dict).client_auth_type | default "")) }}true{{ end -}}
{{- end }}

{{- define "acr.probesKind" -}}
{{- .Values.probes.kind | default (ternary "exec" "httpGet" (or (not (empty .Values.web.existingSecret)) (eq (include "acr.webRefuses" .) "true"))) -}}
{{- end }}

{{/* A probe of a path. The health check of the image asks for /-/healthy, and takes the answers 401 and a TLS handshake for an exporter that serves. */}}
{{- define "acr.probe" -}}
{{- if eq (include "acr.probesKind" .root) "exec" -}}
exec:
  command: [/usr/local/bin/node, /app/deploy/container/healthcheck.mjs]
{{- else -}}
httpGet:
  path: {{ include "acr.prefix" .root }}{{ .path }}
  port: http
  {{- if eq (include "acr.scheme" .root) "https" }}
  scheme: HTTPS
  {{- end }}
{{- end -}}
{{- end }}
