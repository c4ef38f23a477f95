// A credentials block of the configuration, as `config` reads it and `acr` uses it.

/** Where one secret value comes from. Paths are absolute; file contents are trimmed. */
export type SecretSource =
  | { readonly from: 'value'; readonly value: string }
  | { readonly from: 'file'; readonly path: string }
  | { readonly from: 'env'; readonly name: string };

/** One credentials block of the configuration file, by its `type`. */
export type CredentialSettings =
  | { readonly type: 'default' }
  | { readonly type: 'access_key'; readonly accessKeyId: SecretSource; readonly accessKeySecret: SecretSource }
  | {
      readonly type: 'sts';
      readonly accessKeyId: SecretSource;
      readonly accessKeySecret: SecretSource;
      readonly securityToken: SecretSource;
    }
  | {
      readonly type: 'ram_role_arn';
      readonly accessKeyId: SecretSource;
      readonly accessKeySecret: SecretSource;
      readonly roleArn: string;
      readonly roleSessionName?: string | undefined;
      readonly externalId?: string | undefined;
    }
  | {
      readonly type: 'oidc_role_arn';
      readonly roleArn: string;
      readonly oidcProviderArn: string;
      readonly oidcTokenFile: string;
      readonly roleSessionName?: string | undefined;
    }
  | { readonly type: 'ecs_ram_role'; readonly roleName?: string | undefined }
  | { readonly type: 'credentials_uri'; readonly uri: string };
