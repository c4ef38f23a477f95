// What is used of the credentials package is looked for before it is used: another version may have it no more.
import test from 'ava';
import { type CredentialsModule, createSdkProviders } from '../../../src/acr/credentials/sdk-providers.ts';
import { testRoutes } from '../setup.ts';

test('a version of the package without what is used of it is named, not called', (t) => {
  const empty = { builder: () => ({ build: () => ({}) }) };
  const names = ['RAMRoleARN', 'OIDCRoleArn', 'ECSRAMRole', 'URI', 'CLIProfile', 'Profile'];
  const module = Object.fromEntries(names.map((name) => [`${name}CredentialsProvider`, empty]));
  const providers = createSdkProviders(module as CredentialsModule);
  t.throws(() => providers.createSessionProvider('ecs_ram_role', {}, testRoutes()), {
    message: 'this version of @alicloud/credentials has another provider for ecs_ram_role: 2.4.7 is known to work',
  });
  t.throws(() => providers.createProfileProvider('profile', testRoutes()), {
    message: 'this version of @alicloud/credentials has another provider for profile: 2.4.7 is known to work',
  });
});
