// The paths that are taken whatever the options are, so that the telemetry path must be another one.
import { ASSET_PATHS } from './assets.ts';

export const FIXED_PATHS = ['/', '/-/healthy', '/-/ready', '/-/reload', '/api/v1/targets', ...ASSET_PATHS] as const;
